#include "source/udp_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace slipstream {
namespace {

constexpr std::size_t kLastReceiveRounds = 256;  ///< of what the kernel holds at the stop
constexpr std::uint32_t kCoresPerReceiver = 4;

std::uint16_t port_of(const std::vector<UdpSocket>& sockets) {
  CHECK(!sockets.empty(), "a source listens at a socket at least");
  return sockets.front().port();
}

}  // namespace

std::uint32_t UdpSource::usual_receivers(std::uint32_t cores) {
  return std::clamp(cores / kCoresPerReceiver, 1u, kMaxReceivers);
}

UdpSource::UdpSource(std::vector<UdpSocket> sockets, UdpSourceOptions options,
                     const Borrowed& borrowed)
    : options_(std::move(options)),
      port_(port_of(sockets)),
      peers_("udp", options_.points_per_second_per_address, borrowed.rejection_log),
      parts_{.options = options_,
             .schema = borrowed.schema,
             .ingest = borrowed.ingest,
             .stats = stats_,
             .clock = borrowed.clock,
             .sink = borrowed.sink,
             .pool = borrowed.pool,
             .peers = peers_,
             .viewers = borrowed.viewers} {
  for (UdpSocket& socket : sockets) {
    receivers_.push_back(std::make_unique<UdpReceiver>(std::move(socket), parts_));
  }
}

std::size_t UdpSource::start(std::size_t number) {
  for (auto& receiver : receivers_) {
    threads_.push_back(std::make_unique<AgentThread>(
        number == 1 ? "udp" : fmt::format("udp-{}", number), *receiver));
    ++number;
  }
  return number;
}

void UdpSource::stop() {
  CHECK(threads_.empty() || threads_.size() == receivers_.size(),
        "every receiver that runs has a thread to be stopped");
  for (auto& thread : threads_) thread->stop(false);
  for (auto& receiver : receivers_) receiver->poll(kLastReceiveRounds);
}

}  // namespace slipstream
