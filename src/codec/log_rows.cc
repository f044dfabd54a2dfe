#include "codec/log_rows.h"

#include <algorithm>
#include <cstring>

namespace slipstream {
namespace {

/// Of a point's texts, what rows keep.
std::size_t kept_text_bytes(const Point& p) {
  return p.track.length + p.chassis.length + p.tags.length + (p.has_texts ? p.json.length : 0);
}

}  // namespace

std::size_t LogRows::add_points(const PointBatch& batch, std::uint32_t partition, std::size_t first,
                                std::size_t max_bytes) {
  const std::size_t all = batch.points.size();
  std::size_t end = all;
  if (first > 0 || bytes() + batch.bytes() > max_bytes) {
    std::size_t sum = bytes();
    for (end = first; end < all && (end == first || sum < max_bytes); ++end) {
      const Point& p = batch.points[end];
      sum += sizeof p + p.value_count * sizeof(Value) + kept_text_bytes(p);
    }
  }
  if (first < end) add_slice(batch, partition, first, end);
  return end;
}

void LogRows::add_slice(const PointBatch& batch, std::uint32_t partition, std::size_t first,
                        std::size_t end) {
  add_runs(partition, end - first);
  const auto points_begin = batch.points.begin() + static_cast<std::ptrdiff_t>(first);
  const auto points_end = batch.points.begin() + static_cast<std::ptrdiff_t>(end);
  std::size_t text_bytes = 0;
  for (auto p = points_begin; p != points_end; ++p) text_bytes += kept_text_bytes(*p);
  // The values of consecutive points stand one behind the other.
  const std::uint32_t values_from = points_begin->first_value;
  const Point& last = *(points_end - 1);
  const auto shift = static_cast<std::uint32_t>(values_.size()) - values_from;
  const std::size_t first_point = points_.size();
  const std::size_t text_begin = text_.size();
  values_.insert(
      values_.end(), batch.values.begin() + static_cast<std::ptrdiff_t>(values_from),
      batch.values.begin() + static_cast<std::ptrdiff_t>(last.first_value + last.value_count));
  points_.insert(points_.end(), points_begin, points_end);
  const std::size_t text_end = text_begin + text_bytes;
  // libstdc++ 12 may tell the operation of more room than was asked for: its own figure counts.
  text_.resize_and_overwrite(text_end, [&](char* text, std::size_t) {
    char* at = text + text_begin;
    const auto move_here = [&](TextRef& ref) {
      std::memcpy(at, batch.text.data() + ref.offset, ref.length);
      ref.offset = static_cast<std::uint32_t>(at - text);
      at += ref.length;
    };
    std::int64_t min = min_event_time_.ns;
    std::int64_t max = max_event_time_.ns;
    for (auto p = points_.begin() + static_cast<std::ptrdiff_t>(first_point); p != points_.end();
         ++p) {
      p->first_value += shift;
      min = std::min(min, p->event_time.ns);
      max = std::max(max, p->event_time.ns);
      move_here(p->track);
      move_here(p->chassis);
      move_here(p->tags);
      if (p->has_texts) {
        const std::uint32_t before = p->json.offset;
        move_here(p->json);
        if (p->lap_literal.length > 0) p->lap_literal.offset += p->json.offset - before;
      } else {
        p->json = p->lap_literal = {};
      }
    }
    min_event_time_ = {min};
    max_event_time_ = {max};
    return text_end;
  });
}

void LogRows::add_runs(std::uint32_t partition, std::size_t count) {
  count_ += static_cast<std::uint32_t>(count);
  while (count > 0) {
    if (runs_.empty() || runs_.back().kind != LogEntryKind::kPoints ||
        runs_.back().partition != partition || runs_.back().count == kMaxRun) {
      runs_.push_back({.partition = partition, .count = 0});
    }
    const auto part =
        static_cast<std::uint32_t>(std::min<std::size_t>(count, kMaxRun - runs_.back().count));
    runs_.back().count += part;
    count -= part;
  }
}

void LogRows::add_definitions(std::string_view text) {
  add_control({.kind = LogEntryKind::kDefinitions, .text = add_text(text)});
}

void LogRows::add_key(std::string_view key, ArrivalTime time, std::uint16_t status,
                      std::string_view answer) {
  add_control({.kind = LogEntryKind::kKey,
               .status = status,
               .time = time,
               .key = add_text(key),
               .text = add_text(answer)});
}

void LogRows::add_mark(ArrivalTime arrival, std::string_view text) {
  has_marks_ = true;
  add_control({.kind = LogEntryKind::kMark, .time = arrival, .text = add_text(text)});
}

void LogRows::add_control(const Run& run) {
  runs_.push_back(run);
  count_ += run.count;
}

TextRef LogRows::add_text(std::string_view text) {
  const TextRef ref{static_cast<std::uint32_t>(text_.size()),
                    static_cast<std::uint32_t>(text.size())};
  text_ += text;
  return ref;
}

void LogRows::clear() {
  runs_.clear();
  points_.clear();
  values_.clear();
  text_.clear();
  count_ = 0;
  has_marks_ = false;
  min_event_time_ = {std::numeric_limits<std::int64_t>::max()};
  max_event_time_ = {std::numeric_limits<std::int64_t>::min()};
}

}  // namespace slipstream
