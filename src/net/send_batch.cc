#include "net/send_batch.h"

#include <errno.h>
#include <liburing.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"

namespace slipstream {
namespace {

using boost::system::error_code;

std::expected<std::size_t, error_code> outcome_of(int result) {
  if (result >= 0) return static_cast<std::size_t>(result);
  if (result == -EAGAIN || result == -EINTR || result == -ENOBUFS || result == -ENOMEM) return 0;
  return std::unexpected(error_code(-result, boost::system::system_category()));
}

class UringSendBatch final : public SendBatch {
 public:
  UringSendBatch() = default;
  ~UringSendBatch() override {
    if (is_open_) io_uring_queue_exit(&ring_);
  }

  bool open() {
    // The second is known since Linux 6.1; without it each completion costs an interrupt of ours.
    for (const unsigned flags : {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0u}) {
      if (io_uring_queue_init(kMost, &ring_, flags) == 0) return is_open_ = can_send();
    }
    return false;
  }

  void add(int descriptor, std::string_view bytes, Sender& sender) override {
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    CHECK(entry != nullptr, "a batch that is full was submitted");
    io_uring_prep_send(entry, descriptor, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    io_uring_sqe_set_data64(entry, count_);
    senders_[count_++] = &sender;
    if (count_ == kMost) submit();
  }

  void submit() override {
    const std::size_t count = std::exchange(count_, 0);
    std::fill_n(results_.begin(), count, -ECANCELED);
    std::size_t told = 0;
    int failures = 0;
    while (told < count && is_usable_) {
      const int submitted = io_uring_submit_and_wait(&ring_, static_cast<unsigned>(count - told));
      unsigned head = 0;
      unsigned seen = 0;
      io_uring_cqe* completion = nullptr;
      io_uring_for_each_cqe(&ring_, head, completion) {
        results_[io_uring_cqe_get_data64(completion)] = completion->res;
        ++seen;
      }
      io_uring_cq_advance(&ring_, seen);
      told += seen;
      // Short of memory, or interrupted: what was not submitted is tried again.
      if (submitted < 0 && ++failures == kMostFailures) is_usable_ = false;
    }
    for (std::size_t i = 0; i < count; ++i) senders_[i]->sent(outcome_of(results_[i]));
  }

  bool is_usable() const override { return is_usable_; }

 private:
  static constexpr int kMostFailures = 1'000;

  /// Kernels before 5.6 have rings, but no sending by them.
  bool can_send() {
    io_uring_probe* const probe = io_uring_get_probe_ring(&ring_);
    const bool can = probe != nullptr && io_uring_opcode_supported(probe, IORING_OP_SEND) != 0;
    io_uring_free_probe(probe);
    if (!can) io_uring_queue_exit(&ring_);
    return can;
  }

  io_uring ring_{};
  bool is_open_ = false;
  bool is_usable_ = true;
  std::size_t count_ = 0;
  std::array<Sender*, kMost> senders_{};
  std::array<int, kMost> results_{};
};

}  // namespace

std::unique_ptr<SendBatch> SendBatch::open() {
  auto batch = std::make_unique<UringSendBatch>();
  if (!batch->open()) return nullptr;
  return batch;
}

}  // namespace slipstream
