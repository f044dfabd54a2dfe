#include "source/udp_receiver.h"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "source/game_link.h"

namespace slipstream {

UdpReceiver::UdpReceiver(UdpSocket socket, const UdpParts& parts, DecodeHelpers* helpers)
    : socket_(std::move(socket)),
      parts_(parts),
      pacing_(socket_.receive_buffer_bytes()),
      relay_(parts.relay, parts.options.allow),
      decoder_(parts),
      helpers_(helpers),
      line_(parts),
      empty_at_(parts.clock.steady()),
      last_drops_(socket_.kernel_drops()) {}

std::size_t UdpReceiver::poll(std::size_t budget) {
  std::size_t messages = 0;
  std::optional<ArrivalTime> all_taken_until;
  for (std::size_t round = 0; round < budget; ++round) {
    const ArrivalTime asked = parts_.clock.now();
    const std::size_t received = is_behind() ? receive_for_helpers() : receive_and_decode();
    messages += received;
    if (received == DatagramBuffers::kMessages) continue;
    empty_at_ = parts_.clock.steady();
    all_taken_until = asked;
    break;
  }
  decoder_.hand_over(true);
  while (!line_.is_empty()) help_or_wait();
  if (all_taken_until) {
    decoder_.flush(*all_taken_until);
    decoder_.hand_over(true);
  }
  return messages;
}

void UdpReceiver::finish(std::size_t budget) {
  poll(budget);
  decoder_.flush_all();
  decoder_.hand_over(true);
}

bool UdpReceiver::is_behind() const {
  return helpers_ != nullptr && parts_.clock.steady() - empty_at_ >= parts_.options.behind_after_ns;
}

std::size_t UdpReceiver::receive(DatagramBuffers& buffers) {
  const std::size_t received = buffers.receive(socket_.fd(), parts_.clock);
  if (received > 0) {
    relay_.send(buffers);
    if (parts_.link != nullptr) parts_.link->heard(buffers);
  }
  if (const auto dropped = buffers.dropped_in_all()) count_drops(*dropped);
  return received;
}

std::size_t UdpReceiver::receive_and_decode() {
  const std::size_t received = receive(buffers_);
  if (received == 0) return 0;
  datagrams_since_wait_ += decoder_.decode(buffers_);
  decoder_.hand_over(false);
  return received;
}

std::size_t UdpReceiver::receive_for_helpers() {
  decoder_.hand_over(true);  // what it has decoded before comes first
  DecodeLine::Piece* piece = line_.spare();
  for (; piece == nullptr; piece = line_.spare()) help_or_wait();
  const std::size_t received = receive(piece->received);
  if (received == 0) return 0;
  line_.add();
  datagrams_since_wait_ += piece->received.datagrams();
  if (decoder_.needs_order(piece->received)) {
    decoder_.decode(piece->received);
    piece->decoded = decoder_.take_decoded();
    line_.decoded(*piece);
  } else {
    helpers_->offer(line_, *piece);
  }
  return received;
}

/// While it cannot go on until something of its line is handed over.
void UdpReceiver::help_or_wait() {
  if (helpers_->decode_some(decoder_) == 0) line_.wait();
}

void UdpReceiver::idle() {
  const SteadyTime now = parts_.clock.steady();
  const auto paced = pacing_.next(std::exchange(datagrams_since_wait_, 0),
                                  now - std::exchange(waited_at_, now), parts_.viewers.value() > 0);
  const auto wait = relay_.is_eager(now) ? ReceivePacing::kAtOnce : paced;
  if (wait.until_one) {
    line_.shed();
    count_drops(socket_.kernel_drops());
  }
  if (!wait.until_one || wait_for_datagram()) nap(wait.ns);
  empty_at_ = parts_.clock.steady();
}

/// Shorter on wake().
void UdpReceiver::nap(std::int64_t ns) {
  if (ns <= 0) return;
  pollfd waiting = wake_event_.polled();
  const timespec limit{0, ns};
  if (::ppoll(&waiting, 1, &limit, nullptr) > 0) wake_event_.clear();
}

/// How long nothing is to be done, unless something comes.
std::int64_t UdpReceiver::longest_wait() const {
  const auto due = decoder_.deadline();
  if (!due) return kBlockNs;
  return std::clamp<std::int64_t>(due->ns - parts_.clock.now().ns, 0, kBlockNs);
}

bool UdpReceiver::wait_for_datagram() {
  pollfd waiting[] = {{socket_.fd(), POLLIN, 0}, wake_event_.polled()};
  const std::int64_t wait = longest_wait();
  const timespec limit{wait / kNsPerSecond, wait % kNsPerSecond};
  ::ppoll(waiting, 2, &limit, nullptr);
  if (waiting[1].revents != 0) wake_event_.clear();
  return waiting[0].revents != 0 && waiting[1].revents == 0;
}

void UdpReceiver::count_drops(std::uint32_t dropped_in_all) {
  // The kernel's counter has 32 bits and only grows; an older figure may come late.
  const auto step = static_cast<std::int32_t>(dropped_in_all - last_drops_);
  if (step <= 0) return;
  parts_.ingest.udp_kernel_drops.add(static_cast<std::uint64_t>(step));
  parts_.stats.kernel_drops.add(static_cast<std::uint64_t>(step));
  last_drops_ = dropped_in_all;
}

}  // namespace slipstream
