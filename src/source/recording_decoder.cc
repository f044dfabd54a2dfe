#include "source/recording_decoder.h"

#include <fmt/format.h>

#include <cstdio>
#include <limits>
#include <utility>

#include "codec/mark_json.h"
#include "source/peer_table.h"

namespace slipstream {

void RefusalCounts::add(const Rejection& rejection, std::string_view where,
                        std::string_view sample) {
  constexpr std::size_t kMostKinds = 100;
  constexpr std::size_t kMostTold = 10;
  const std::string reason(to_string(rejection.reason));
  std::string kind = where.empty() ? reason : fmt::format("{} ({})", reason, where);
  if (counts_.size() >= kMostKinds && !counts_.contains(kind)) kind = reason;
  ++counts_[kind];
  if (lines_.size() == kMostTold) return;
  lines_.push_back(
      fmt::format("{}: {} in: {}", kind, rejection.message, printable_sample(sample, 80)));
}

void RefusalCounts::print() const {
  for (const auto& line : lines_) fmt::print(stderr, "refused: {}\n", line);
}

RecordingDecoder::RecordingDecoder(const Make& make) : decoder_(make(filler_)) {
  builder_.send_marks_to(*this);
}

SchemaOptions RecordingDecoder::names() {
  SchemaOptions options;
  // A recording may be of a machine whose clock was ahead.
  options.future_skew_ms = std::numeric_limits<std::int64_t>::max() / kNsPerSecond;
  return options;
}

std::size_t RecordingDecoder::decode(std::string_view bytes, const TextOrigin& origin,
                                     RejectionSink& rejections) {
  return decoder_->decode(bytes, origin, rejections);
}

void RecordingDecoder::flush(ArrivalTime now, RejectionSink& rejections) {
  if (const auto due = decoder_->deadline(); due && *due <= now) decoder_->flush(now, rejections);
}

Result<void> RecordingDecoder::give(const Take& take) {
  auto batches = writer_.take_all();
  const auto marks = std::exchange(marks_, {});
  Result<void> outcome;
  for_each_in_order(
      batches, marks,
      [&](PointBatchPtr& batch) {
        for (const Point& point : batch->points) {
          if (outcome) outcome = take(batch->json(point), false);
        }
        pool_.put(std::move(batch));
      },
      [&](const MarkPtr& mark) {
        std::string json;
        append_mark_json(json, *mark);
        if (outcome) outcome = take(json, true);
      });
  return outcome;
}

void RecordingDecoder::drop() {
  writer_.discard();
  marks_.clear();
}

void RecordingDecoder::accept(const Mark& mark) {
  marks_.push_back({writer_.cut(), std::make_shared<const Mark>(mark)});
}

}  // namespace slipstream
