#include "source/datagram_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <span>
#include <utility>

namespace slipstream {
namespace {

/// A batch that is sampled, as long as it is not handed over.
struct SampledBatch {
  const PointBatchPtr& batch;
  SampledTracePtr sampled;
  std::int64_t received_ns;  ///< its first point
  std::size_t points;
};

/// Those of them that are to be traced from here on.
std::vector<SampledBatch> begin_traces(Tracer& tracer, std::span<PointBatchPtr> batches,
                                       SteadyTime received_at) {
  std::vector<SampledBatch> begun;
  for (auto& batch : batches) {
    batch->sampled = tracer.begin();
    if (!batch->sampled) continue;
    const std::size_t points = batch->points.size();
    batch->sampled->child(kDecodeSpan, batch->sampled->since(received_at),
                          {{kPointsAttribute, attribute_of(points)}});
    begun.push_back({batch, batch->sampled, batch->points.front().arrival_time.ns, points});
  }
  return begun;
}

void end_receive(const SampledBatch& begun) {
  begun.sampled->root(
      kReceiveSpan, SpanKind::kConsumer, {begun.received_ns, begun.sampled->now()},
      {{kSourceAttribute, std::string(kSourceNames[static_cast<std::size_t>(SourceKind::kUdp)])},
       {kPointsAttribute, attribute_of(begun.points)}},
      begun.batch ? "the partition's queue is full" : "");
}

void hand_over_batches(const UdpParts& parts, DecodedBatches& decoded, std::size_t from,
                       std::size_t to) {
  const auto batches = std::span(decoded.batches).subspan(from, to - from);
  if (batches.empty()) return;
  std::vector<SampledBatch> traced;
  if (parts.tracer != nullptr) traced = begin_traces(*parts.tracer, batches, decoded.received_at);
  parts.sink.offer_each(batches);
  for (const SampledBatch& begun : traced) end_receive(begun);
  for (auto& batch : batches) {
    if (!batch) continue;
    const std::size_t points = batch->points.size();
    parts.ingest.reject(SourceKind::kUdp, RejectReason::kOverloaded, points);
    parts.peers.report(decoded.last_sender,
                       {RejectReason::kOverloaded,
                        fmt::format("{} points dropped: the partition's queue is full", points)},
                       "", decoded.received_at);
    parts.pool.put(std::move(batch));
  }
}

void hand_over_mark(const UdpParts& parts, const DecodedBatches& decoded, const MarkPtr& mark) {
  Body body{.marks = {{.mark = mark}}, .durability = Durability::kReceived};
  const auto taken = parts.sink.offer_all(body);
  if (taken) return;
  parts.ingest.marks_refused.add();
  parts.peers.report(
      decoded.last_sender,
      {RejectReason::kOverloaded, fmt::format("a mark ({}) dropped: too much waits", mark->kind)},
      "", decoded.received_at);
}

}  // namespace

void hand_over(const UdpParts& parts, DecodedBatches& decoded) {
  std::size_t from = 0;
  for (const MarkAmong& one : decoded.marks) {
    hand_over_batches(parts, decoded, from, one.after);
    from = one.after;
    hand_over_mark(parts, decoded, one.mark);
  }
  hand_over_batches(parts, decoded, from, decoded.batches.size());
  decoded.batches.clear();
  decoded.marks.clear();
}

DatagramDecoder::DatagramDecoder(const UdpParts& parts)
    : parts_(parts),
      writer_(parts.sink.partitions(), parts.pool),
      builder_(parts.schema, parts.ingest, writer_),
      filler_(builder_),
      decoder_(parts.decoder.make(filler_)) {
  builder_.send_marks_to(*this);
}

DatagramDecoder::~DatagramDecoder() = default;

std::size_t DatagramDecoder::decode(const DatagramBuffers& received) {
  now_ = received.received_at();
  for (std::size_t i = 0; i < received.count(); ++i) {
    const auto message = received.message(i);
    if (message.is_copy) continue;
    const TextOrigin origin = origin_of(message);
    for_each_datagram(message, [&](std::string_view text) { take_datagram(text, origin); });
  }
  return count_received();
}

void DatagramDecoder::flush(ArrivalTime now) {
  if (!decoder_->deadline()) return;
  points_ += decoder_->flush(now, *this);
  count_received();
}

void DatagramDecoder::flush_all() {
  flush({std::numeric_limits<std::int64_t>::max()});
}

TextOrigin DatagramDecoder::origin_of(const DatagramBuffers::Message& message) {
  if (!(message.address == address_) || message.port != peer_port_) {
    address_ = message.address;
    peer_port_ = message.port;
    peer_.clear();
    sender_ = AddressHash{}(address_) ^ peer_port_;
  }
  return {
      .source = SourceKind::kUdp,
      .arrival = message.arrival,
      .peer = {[](void* self) { return static_cast<DatagramDecoder*>(self)->peer_name(); }, this},
      .sender = sender_};
}

DecodedBatches DatagramDecoder::take_decoded() {
  DecodedBatches decoded = std::exchange(closed_, {});
  std::ranges::move(writer_.take_all(), std::back_inserter(decoded.batches));
  decoded.last_sender = address_;
  decoded.received_at = now_;
  return decoded;
}

bool DatagramDecoder::needs_order(const DatagramBuffers& received) {
  bool needs = false;
  for (std::size_t i = 0; i < received.count() && !needs; ++i) {
    const auto message = received.message(i);
    if (message.is_copy) continue;
    const TextOrigin origin = origin_of(message);
    for_each_datagram(message, [&](std::string_view text) {
      needs = needs || decoder_->needs_order(text, origin);
    });
  }
  return needs;
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
  marks_ = 0;
  const std::size_t points = decoder_->decode(text, origin, *this);
  if (points == 0) {
    if (marks_ > 0) parts_.peers.spend(address_, marks_, now_);
    if (decoder_->kept_last()) return;
    refuse_datagram(RejectReason::kEmpty, "the datagram is empty", text);
    return;
  }
  points_ += points;
  parts_.peers.spend(address_, points, now_);
}

void DatagramDecoder::accept(const Mark& mark) {
  ++marks_;
  std::ranges::move(writer_.take_all(), std::back_inserter(closed_.batches));
  closed_.marks.push_back({closed_.batches.size(), std::make_shared<const Mark>(mark)});
}

/// Once for all datagrams of a call to the kernel: sums that every thread adds to are not cheap.
std::size_t DatagramDecoder::count_received() {
  const std::size_t datagrams = std::exchange(datagrams_, 0);
  const std::size_t points = std::exchange(points_, 0);
  if (datagrams == 0 && points == 0) return 0;
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
    closed_.batches.push_back(std::move(batch));
  }
  closed_.last_sender = address_;
  closed_.received_at = now_;
  slipstream::hand_over(parts_, closed_);
}

}  // namespace slipstream
