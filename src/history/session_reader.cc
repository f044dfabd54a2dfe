#include "history/session_reader.h"

#include <cmath>
#include <utility>

#include "codec/point_json.h"

namespace slipstream {
namespace {

constexpr std::size_t kPointsBetweenLooks = 256;

}  // namespace

std::uint64_t first_offset_for(const std::vector<SegmentInfo>& segments, EventTime from,
                               std::int64_t ahead_ns) {
  std::uint64_t first = segments.empty() ? 0 : segments.front().base_offset;
  for (const SegmentInfo& segment : segments) {
    // One that older ones were rewritten into was made later than what is in it came.
    if (segment.header != HeaderState::kGood || segment.is_rewritten()) continue;
    if (segment.created_ns <= from.ns - ahead_ns) first = segment.base_offset;
  }
  return first;
}

SessionReader::SessionReader(FileSystem& files, FileSystem::Path folder, std::uint64_t from,
                             const SchemaOptions& schema, Query query)
    : query_(std::move(query)),
      schema_(schema),
      completer_(SeriesTable::kMaxSeries, schema_, ingest_),
      follower_(files, std::move(folder), from),
      points_({.next = [this] { return follower_.next(); },
               .position = [this] { return follower_.position(); }},
              schema_, pool_, from) {}

Result<SessionReader::Page> SessionReader::next(std::uint64_t to, const Clock& clock,
                                                const std::stop_token& stop) {
  Page page;
  const SteadyTime due = clock.steady() + kPageNs;
  for (std::size_t looked_at = 1; next_ || points_.position() < to; ++looked_at) {
    if (page.points.size() >= kPageBytes) break;
    if (looked_at % kPointsBetweenLooks == 0) {
      if (stop.stop_requested()) return fail("it was given up", ErrorCode::kTimeout);
      if (clock.steady() >= due) break;
    }
    if (!next_) {
      const auto item = points_.next();
      if (!item) return std::unexpected(item.error());
      if (!*item) break;
      next_ = **item;
    }
    // Behind entries that are neither points nor marks it may be beyond the end.
    if (next_->offset >= to) break;
    if (next_->point != nullptr) give(*next_, page);
    next_.reset();
  }
  for (const LostRange& range : follower_.take_lost()) page.lost += range.to - range.from;
  for (const LostRange& range : points_.take_undecoded()) page.lost += range.to - range.from;
  page.is_last = next_ ? next_->offset >= to : points_.position() >= to;
  return page;
}

void SessionReader::give(const LogPoints::Item& item, Page& page) {
  PointBatch& batch = *item.batch;
  Point& point = *item.point;
  completer_.number(batch, point, evicted_);
  evicted_.clear();
  completer_.complete(batch, point);
  point.lap_is_fault = false;
  const auto track = query_.tracks.find(batch.track(point));
  if (point.event_time < (track == query_.tracks.end() ? query_.from : track->second)) return;
  const std::string_view tags = batch.tags(point);
  if (!query_.wants(batch.track(point), batch.chassis(point), tags)) return;
  if (!is_due(series_hash(point.series_hash, tags), point.event_time)) return;
  json_.clear();
  append_point_json(json_, batch, point, schema_);
  if (page.count++ > 0) page.points += ',';
  query_.append(page.points, json_);
}

/// Of the points within each 1/max_hz the first.
bool SessionReader::is_due(std::uint64_t series, EventTime when) {
  if (query_.max_hz == 0) return true;
  const auto slot = static_cast<std::int64_t>(
      std::floor(static_cast<double>(when.ns) / static_cast<double>(kNsPerSecond) * query_.max_hz));
  if (slots_.size() >= SeriesTable::kMaxSeries) slots_.clear();
  const auto [place, is_new] = slots_.emplace(series, slot);
  if (is_new) return true;
  if (slot <= place->second) return false;
  place->second = slot;
  return true;
}

}  // namespace slipstream
