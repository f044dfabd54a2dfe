#include "source/datagram_decoder.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"

namespace slipstream {
namespace {

std::unique_ptr<Decoder> decoder_named(const std::string& name, DraftFiller& filler) {
  auto decoder = make_decoder(name, filler);
  CHECK(decoder, "whoever opens a source has looked whether there is such a decoder");
  return std::move(*decoder);
}

}  // namespace

DatagramDecoder::DatagramDecoder(const UdpParts& parts)
    : parts_(parts),
      writer_(parts.sink.partitions(), parts.pool),
      builder_(parts.schema, parts.ingest, writer_),
      filler_(builder_),
      decoder_(decoder_named(parts.options.decoder, filler_)) {}

DatagramDecoder::~DatagramDecoder() = default;

std::size_t DatagramDecoder::decode(const DatagramBuffers& received) {
  now_ = received.received_at();
  for (std::size_t i = 0; i < received.count(); ++i) take_message(received.message(i));
  return count_received();
}

void DatagramDecoder::take_message(const DatagramBuffers::Message& message) {
  if (!(message.address == address_) || message.port != peer_port_) {
    address_ = message.address;
    peer_port_ = message.port;
    peer_.clear();
    sender_ = AddressHash{}(address_) ^ peer_port_;
  }
  const TextOrigin origin{
      .source = SourceKind::kUdp,
      .arrival = message.arrival,
      .peer = {[](void* self) { return static_cast<DatagramDecoder*>(self)->peer_name(); }, this},
      .sender = sender_};
  std::string_view rest = message.bytes;
  do {
    const auto datagram = rest.substr(0, message.segment_bytes);
    rest.remove_prefix(datagram.size());
    take_datagram(datagram, origin);
  } while (!rest.empty());
}

std::string_view DatagramDecoder::peer_name() {
  if (peer_.empty()) peer_ = fmt::format("udp:{}:{}", address_.to_string(), peer_port_);
  return peer_;
}

void DatagramDecoder::take_datagram(std::string_view text, const TextOrigin& origin) {
  ++datagrams_;
  const auto& allow = parts_.options.allow;
  if (!allow.empty() && !allow.contains(address_)) {
    refuse_datagram(RejectReason::kUnauthorized, "the address is not on the allow list", text);
    return;
  }
  if (!parts_.peers.may_send(address_, now_)) {
    refuse_datagram(RejectReason::kRateLimited, "too many points a second from this address", text);
    return;
  }
  const std::size_t points = decoder_->decode(text, origin, *this);
  if (points == 0) {
    refuse_datagram(RejectReason::kEmpty, "the datagram is empty", text);
    return;
  }
  points_ += points;
  parts_.peers.spend(address_, points, now_);
}

/// Once for all datagrams of a call to the kernel: sums that every thread adds to are not cheap.
std::size_t DatagramDecoder::count_received() {
  const std::size_t datagrams = std::exchange(datagrams_, 0);
  const std::size_t points = std::exchange(points_, 0);
  if (datagrams == 0) return 0;
  parts_.ingest.udp_datagrams.add(datagrams);
  parts_.stats.datagrams.add(datagrams);
  parts_.ingest.of(SourceKind::kUdp).received.add(points);
  parts_.stats.points.add(points);
  return datagrams;
}

void DatagramDecoder::rejected(std::size_t, const Rejection& rejection, std::string_view sample) {
  parts_.ingest.reject(SourceKind::kUdp, rejection.reason);
  parts_.peers.report(address_, rejection, sample, now_);
}

void DatagramDecoder::refuse_datagram(RejectReason reason, const char* message,
                                      std::string_view text) {
  ++points_;
  parts_.ingest.reject(SourceKind::kUdp, reason);
  parts_.peers.report(address_, {reason, message}, text, now_);
}

void DatagramDecoder::hand_over(bool all) {
  for (auto& batch : writer_.open()) {
    if (!batch || batch->points.empty() || (!all && batch->points.size() < kPointsPerBatch))
      continue;
    offered_.push_back(std::move(batch));
  }
  if (offered_.empty()) return;
  parts_.sink.offer_each(offered_);
  for (auto& batch : offered_) {
    if (!batch) continue;
    const std::size_t points = batch->points.size();
    parts_.ingest.reject(SourceKind::kUdp, RejectReason::kOverloaded, points);
    parts_.peers.report(address_,
                        {RejectReason::kOverloaded,
                         fmt::format("{} points dropped: the partition's queue is full", points)},
                        "", now_);
    batch->clear();
    writer_.open()[batch->partition] = std::move(batch);
  }
  offered_.clear();
}

}  // namespace slipstream
