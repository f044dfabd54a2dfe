#include "source/udp_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace slipstream {
namespace {

constexpr std::size_t kLastReceiveRounds = 256;  ///< of what the kernel holds at the stop
constexpr std::uint32_t kCoresPerReceiver = 4;
constexpr std::uint32_t kCoresPerDecodingThread = 2;  // the others fold, and receive in the kernel

const DecoderKind& decoder_of(const UdpSourceOptions& options) {
  const DecoderKind* kind = options.format ? options.format : find_decoder(options.decoder);
  CHECK(kind != nullptr, "whoever opens a source has looked whether there is such a decoder");
  return *kind;
}

std::uint16_t port_of(const std::vector<UdpSocket>& sockets) {
  CHECK(!sockets.empty(), "a source listens at a socket at least");
  return sockets.front().port();
}

}  // namespace

std::uint32_t UdpSource::usual_receivers(std::uint32_t cores) {
  return std::clamp(cores / kCoresPerReceiver, 1u, kMaxReceivers);
}

std::uint32_t UdpSource::usual_helpers(std::uint32_t cores, std::uint32_t receivers) {
  const std::uint32_t decoding = cores / kCoresPerDecodingThread;
  return std::min(decoding - std::min(decoding, receivers), DecodeHelpers::kMax);
}

UdpSource::UdpSource(std::vector<UdpSocket> sockets, UdpSourceOptions options,
                     const Borrowed& borrowed, std::uint32_t helpers, RelayTargets relay,
                     GameLink* link)
    : options_(std::move(options)),
      port_(port_of(sockets)),
      peers_("udp", options_.points_per_second_per_address, borrowed.rejection_log),
      relay_(std::move(relay)),
      parts_{.options = options_,
             .decoder = decoder_of(options_),
             .schema = borrowed.schema,
             .ingest = borrowed.ingest,
             .stats = stats_,
             .clock = borrowed.clock,
             .sink = borrowed.sink,
             .pool = borrowed.pool,
             .peers = peers_,
             .viewers = borrowed.viewers,
             .relay = relay_,
             .link = link,
             .tracer = borrowed.tracer},
      helpers_(helpers == 0 ? nullptr
                            : std::make_unique<DecodeHelpers>(parts_, helpers, sockets.size())) {
  for (UdpSocket& socket : sockets) {
    receivers_.push_back(std::make_unique<UdpReceiver>(std::move(socket), parts_, helpers_.get()));
  }
}

void UdpSource::start(ThreadNumbers& numbers) {
  if (helpers_ != nullptr) numbers.helper = helpers_->start(numbers.helper);
  for (auto& receiver : receivers_) {
    const std::size_t number = numbers.receiver++;
    threads_.push_back(std::make_unique<AgentThread>(
        number == 1 ? options_.thread_name : fmt::format("{}-{}", options_.thread_name, number),
        *receiver));
  }
}

void UdpSource::stop() {
  CHECK(threads_.empty() || threads_.size() == receivers_.size(),
        "every receiver that runs has a thread to be stopped");
  for (auto& thread : threads_) thread->stop(false);
  for (auto& receiver : receivers_) receiver->finish(kLastReceiveRounds);
  if (helpers_ != nullptr) helpers_->stop();
}

}  // namespace slipstream
