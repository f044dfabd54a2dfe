#include "source/udp_source.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <time.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace slipstream {
namespace {

constexpr std::size_t kStride = 65'536 + Decoder::kPadding;

std::pair<Address, std::uint16_t> address_of(const sockaddr_storage& name) {
  unsigned char bytes[16] = {};
  std::uint16_t port = 0;
  if (name.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name);
    std::memcpy(bytes, &v6.sin6_addr, 16);
    port = ntohs(v6.sin6_port);
  } else {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(name);
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(bytes + 12, &v4.sin_addr, 4);
    port = ntohs(v4.sin_port);
  }
  Address address;
  std::memcpy(&address.high, bytes, 8);
  std::memcpy(&address.low, bytes + 8, 8);
  return {address, port};
}

std::unique_ptr<Decoder> decoder_named(const std::string& name, DraftFiller& filler) {
  auto decoder = make_decoder(name, filler);
  CHECK(decoder, "whoever opens a source has looked whether there is such a decoder");
  return std::move(*decoder);
}

}  // namespace

UdpSource::UdpSource(UdpSocket socket, UdpSourceOptions options, Schema& schema, IngestStats& stats,
                     const Clock& clock, PointSink& sink, BatchPool& pool,
                     RejectionLog& rejection_log, const Gauge& viewers)
    : socket_(std::move(socket)),
      options_(std::move(options)),
      stats_(stats),
      clock_(clock),
      sink_(sink),
      writer_(sink.partitions(), pool),
      builder_(schema, stats, writer_),
      filler_(builder_),
      decoder_(decoder_named(options_.decoder, filler_)),
      peers_("udp", options_.points_per_second_per_address, rejection_log),
      viewers_(viewers),
      pacing_(socket_.receive_buffer_bytes()),
      buffers_(std::make_unique_for_overwrite<char[]>(kMessages * kStride)),
      vectors_(kMessages),
      messages_(kMessages),
      names_(kMessages),
      controls_(kMessages * kControlBytes) {
  for (std::size_t i = 0; i < kMessages; ++i) {
    vectors_[i] = {buffers_.get() + i * kStride, kBufferBytes};
    messages_[i].msg_hdr.msg_iov = &vectors_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
    messages_[i].msg_hdr.msg_name = &names_[i];
    messages_[i].msg_hdr.msg_control = controls_.data() + i * kControlBytes;
  }
}

UdpSource::~UdpSource() = default;

std::size_t UdpSource::poll(std::size_t budget) {
  std::size_t datagrams = 0;
  for (std::size_t round = 0; round < budget; ++round) {
    for (auto& message : messages_) {
      message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
      message.msg_hdr.msg_controllen = kControlBytes;
    }
    const int received = recvmmsg(socket_.fd(), messages_.data(), kMessages, MSG_DONTWAIT, nullptr);
    if (received <= 0) break;
    const ArrivalTime now = clock_.now();
    now_ = clock_.steady();
    for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
      take_message(messages_[i], buffers_.get() + i * kStride, now);
    }
    datagrams += static_cast<std::size_t>(received);
    count_received();
    hand_over(false);
    if (static_cast<std::size_t>(received) < kMessages) break;
  }
  hand_over(true);
  return datagrams;
}

void UdpSource::idle() {
  const SteadyTime now = clock_.steady();
  const auto wait = pacing_.next(std::exchange(datagrams_since_wait_, 0),
                                 now - std::exchange(waited_at_, now), viewers_.value() > 0);
  if (wait.until_one) {
    count_drops(socket_.kernel_drops());
    if (!wait_for_datagram()) return;
  }
  if (wait.ns > 0) nap(wait.ns);
}

/// Shorter on wake().
void UdpSource::nap(std::int64_t ns) {
  pollfd waiting = wake_event_.polled();
  const timespec limit{0, ns};
  if (::ppoll(&waiting, 1, &limit, nullptr) > 0) wake_event_.clear();
}

bool UdpSource::wait_for_datagram() {
  pollfd waiting[] = {{socket_.fd(), POLLIN, 0}, wake_event_.polled()};
  const timespec limit{kBlockNs / kNsPerSecond, kBlockNs % kNsPerSecond};
  ::ppoll(waiting, 2, &limit, nullptr);
  if (waiting[1].revents != 0) wake_event_.clear();
  return waiting[0].revents != 0 && waiting[1].revents == 0;
}

UdpSource::Control UdpSource::read_control(msghdr& header, ArrivalTime now) {
  Control control{.arrival = now};
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
      std::uint16_t size;
      std::memcpy(&size, CMSG_DATA(c), sizeof size);
      control.segment_bytes = size;
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
      timespec receipt;
      std::memcpy(&receipt, CMSG_DATA(c), sizeof receipt);
      control.arrival = {receipt.tv_sec * kNsPerSecond + receipt.tv_nsec};
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
      std::uint32_t dropped;
      std::memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
      count_drops(dropped);
    }
  }
  return control;
}

void UdpSource::count_drops(std::uint32_t dropped_in_all) {
  // The kernel's counter has 32 bits and only grows; an older figure may come late.
  const auto step = static_cast<std::int32_t>(dropped_in_all - last_drops_);
  if (step <= 0) return;
  stats_.udp_kernel_drops.add(static_cast<std::uint64_t>(step));
  own_stats_.kernel_drops.add(static_cast<std::uint64_t>(step));
  last_drops_ = dropped_in_all;
}

void UdpSource::take_message(mmsghdr& message, const char* buffer, ArrivalTime now) {
  const Control control = read_control(message.msg_hdr, now);
  const auto [address, port] =
      address_of(*static_cast<const sockaddr_storage*>(message.msg_hdr.msg_name));
  if (!(address == address_) || port != peer_port_) {
    address_ = address;
    peer_port_ = port;
    peer_.clear();
    sender_ = AddressHash{}(address) ^ port;
  }
  const TextOrigin origin{
      .source = SourceKind::kUdp,
      .arrival = control.arrival,
      .peer = {[](void* source) { return static_cast<UdpSource*>(source)->peer_name(); }, this},
      .sender = sender_};
  std::string_view rest(buffer, message.msg_len);
  const std::size_t segment = control.segment_bytes == 0 ? rest.size() : control.segment_bytes;
  do {
    const auto datagram = rest.substr(0, segment);
    rest.remove_prefix(datagram.size());
    take_datagram(datagram, origin);
  } while (!rest.empty());
}

std::string_view UdpSource::peer_name() {
  if (peer_.empty()) peer_ = fmt::format("udp:{}:{}", address_.to_string(), peer_port_);
  return peer_;
}

/// Once for all datagrams of a call to the kernel: sums that every thread adds to are not cheap.
void UdpSource::count_received() {
  if (datagrams_ == 0) return;
  stats_.udp_datagrams.add(datagrams_);
  own_stats_.datagrams.add(std::exchange(datagrams_, 0));
  stats_.of(SourceKind::kUdp).received.add(points_);
  own_stats_.points.add(std::exchange(points_, 0));
}

void UdpSource::take_datagram(std::string_view text, const TextOrigin& origin) {
  ++datagrams_;
  ++datagrams_since_wait_;
  if (!options_.allow.empty() && !options_.allow.contains(address_)) {
    refuse_datagram(RejectReason::kUnauthorized, "the address is not on the allow list", text);
    return;
  }
  if (!peers_.may_send(address_, now_)) {
    refuse_datagram(RejectReason::kRateLimited, "too many points a second from this address", text);
    return;
  }
  const std::size_t points = decoder_->decode(text, origin, *this);
  if (points == 0) {
    refuse_datagram(RejectReason::kEmpty, "the datagram is empty", text);
    return;
  }
  points_ += points;
  peers_.spend(address_, points, now_);
}

void UdpSource::rejected(std::size_t, const Rejection& rejection, std::string_view sample) {
  stats_.reject(SourceKind::kUdp, rejection.reason);
  peers_.report(address_, rejection, sample, now_);
}

void UdpSource::refuse_datagram(RejectReason reason, const char* message, std::string_view text) {
  ++points_;
  stats_.reject(SourceKind::kUdp, reason);
  peers_.report(address_, {reason, message}, text, now_);
}

void UdpSource::hand_over(bool all) {
  for (auto& batch : writer_.open()) {
    if (!batch || batch->points.empty() || (!all && batch->points.size() < kPointsPerBatch))
      continue;
    offered_.push_back(std::move(batch));
  }
  if (offered_.empty()) return;
  sink_.offer_each(offered_);
  for (auto& batch : offered_) {
    if (!batch) continue;
    const std::size_t points = batch->points.size();
    stats_.reject(SourceKind::kUdp, RejectReason::kOverloaded, points);
    peers_.report(address_,
                  {RejectReason::kOverloaded,
                   fmt::format("{} points dropped: the partition's queue is full", points)},
                  "", now_);
    batch->clear();
    writer_.open()[batch->partition] = std::move(batch);
  }
  offered_.clear();
}

}  // namespace slipstream
