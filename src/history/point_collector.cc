#include "history/point_collector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "codec/mark_json.h"
#include "racing/member_text.h"

namespace slipstream {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

constexpr std::string_view kSessionMember = "session";
constexpr std::size_t kEntriesBetweenLooks = 64;

/// What flashbacks behind a point of one session took back: the later the mark, the more it may.
class RewindsBehind {
 public:
  void add(EventTime time, double to_session_time_s) {
    const auto later = to_by_time_.lower_bound(time);
    if (later != to_by_time_.end() && later->second <= to_session_time_s) return;
    auto place = to_by_time_.insert_or_assign(later, time, to_session_time_s);
    while (place != to_by_time_.begin() && std::prev(place)->second >= to_session_time_s) {
      to_by_time_.erase(std::prev(place));
    }
  }
  bool take_back(EventTime time, double session_time_s) const {
    const auto first = to_by_time_.lower_bound(time);
    return first != to_by_time_.end() && is_taken_back(session_time_s, first->second);
  }

 private:
  std::map<EventTime, double> to_by_time_;  ///< the later, the later in the session it goes back to
};

template <typename T>
std::vector<T> in_order(const std::vector<T>& values, const std::vector<std::size_t>& order) {
  std::vector<T> sorted;
  sorted.reserve(order.size());
  for (const std::size_t i : order) sorted.push_back(values[i]);
  return sorted;
}

}  // namespace

PointCollector::PointCollector(const PointQuery& query, const ReadLimits& limits,
                               const SchemaOptions& derived)
    : query_(query),
      limits_(limits),
      hash_(series_hash(query.track, query.chassis)),
      schema_(derived),
      decoder_(schema_.fields(), pool_),
      frame_(schema_.fields().intern("frame")),
      session_time_(schema_.fields().intern("session_time_s")),
      column_by_field_(FieldTable::kMaxFields, kNoColumn),
      is_wanted_(FieldTable::kMaxFields),
      is_seen_(FieldTable::kMaxFields) {
  sessions_.push_back(query_.source_session);
  for (const std::string& name : query_.fields) {
    const auto field = schema_.fields().intern(name);
    if (field && column_by_field_[*field] != kNoColumn) continue;  // named twice
    if (field) column_by_field_[*field] = points_.columns.size();
    if (field) is_wanted_[*field] = true;
    points_.columns.push_back({.name = name, .values = {}});
  }
  const bool derives = is_to_derive();
  if (query_.fields.empty()) return;
  for (const auto& field : {frame_, session_time_}) {
    if (field) is_wanted_[*field] = true;
  }
  for (const FieldId field : derives ? derived_->inputs() : std::vector<FieldId>{}) {
    is_wanted_[field] = true;
  }
  decoder_.read_only(&is_wanted_);
}

bool PointCollector::is_to_derive() {
  const auto is_asked_for = [&](const DerivedField& field) {
    return query_.fields.empty() ||
           std::ranges::find(query_.fields, field.name) != query_.fields.end();
  };
  if (std::ranges::none_of(schema_.options().derived, is_asked_for)) return false;
  auto compiled = DerivedFields::compile(schema_);
  CHECK(compiled.has_value(), "derived fields are compiled before a server is started with them");
  derived_ = std::move(*compiled);
  CHECK(!derived_->remembers(), "the log is read where it is asked about: nothing is remembered");
  return true;
}

Result<void> PointCollector::take(std::string_view payload, std::uint32_t count,
                                  const GoOn& go_on) {
  if (!decoder_.open(payload) || decoder_.count() != count) {
    lose(count);
    return fail("a payload of the log is damaged", ErrorCode::kCorrupt);
  }
  std::size_t entries = 0;
  for (LogEntry entry; decoder_.next(entry);) {
    if (entries++ % kEntriesBetweenLooks == 0) {
      if (auto may = go_on(); !may) return may;
    }
    if (entry.points) {
      auto taken = take_points(*entry.points);
      pool_.put(std::move(entry.points));
      if (!taken) return taken;
    } else if (entry.kind == LogEntryKind::kMark && !query_.with_taken_back) {
      const auto mark = parse_mark_json(entry.text, entry.time);
      if (!mark) continue;
      if (auto taken = take_mark(*mark); !taken) return taken;
    }
  }
  if (decoder_.values_dropped() > 0) {
    return fail("there are more names of fields than can be told apart: ask for less time",
                ErrorCode::kRefused);
  }
  return {};
}

Result<void> PointCollector::take_points(PointBatch& batch) {
  for (Point& point : batch.points) {
    if (point.series_hash != hash_ || !is_asked_for(query_, batch, point)) continue;
    if (point.has_texts && query_.source_session.empty()) {
      if (const auto session = member_text(batch.json(point), kSessionMember)) {
        session_ = session_number(session->text);
      }
    }
    if (derived_) derived_->compute(batch, point, nothing_, nullptr);
    if (auto added = add(batch, point); !added) return added;
  }
  return {};
}

Result<void> PointCollector::add(const PointBatch& batch, const Point& point) {
  if (rows_.size() == limits_.max_points) {
    return fail(fmt::format("these are more than {} points: ask for less time", limits_.max_points),
                ErrorCode::kRefused);
  }
  const auto value_of = [&](const std::optional<FieldId>& field) {
    return field ? batch.value_or_nan(point, *field) : kNaN;
  };
  rows_.push_back({.time = point.event_time,
                   .sequence = point.sequence,
                   .frame = value_of(frame_),
                   .session_time_s = value_of(session_time_),
                   .session = session_,
                   .has_sequence = point.has_sequence,
                   .is_gone = false});
  for (auto v = batch.values_begin(point); v != batch.values_end(point); ++v) {
    is_seen_[v->field] = true;
    const std::size_t column = column_of(v->field);
    if (column == kNoColumn) continue;
    if (values_++ == limits_.max_values) {
      return fail(fmt::format("these are more than {} values: ask for fewer fields, or less time",
                              limits_.max_values),
                  ErrorCode::kRefused);
    }
    auto& values = points_.columns[column].values;
    values.resize(rows_.size(), kNaN);
    values.back() = v->value;
  }
  return {};
}

std::size_t PointCollector::column_of(FieldId field) {
  std::size_t& column = column_by_field_[field];
  if (column == kNoColumn && query_.fields.empty()) {
    column = points_.columns.size();
    points_.columns.push_back({.name = std::string(schema_.fields().name(field)), .values = {}});
  }
  return column;
}

/// Beyond the bound one number is all others': points of it are taken back by no mark.
std::uint32_t PointCollector::session_number(std::string_view session) {
  if (session_ < sessions_.size() && sessions_[session_] == session) return session_;
  const auto found = std::ranges::find(sessions_, session);
  if (found == sessions_.end() && sessions_.size() < kMostSessions) {
    sessions_.emplace_back(session);
    return static_cast<std::uint32_t>(sessions_.size() - 1);
  }
  return static_cast<std::uint32_t>(found - sessions_.begin());
}

Result<void> PointCollector::take_mark(const Mark& mark) {
  if (!goes_back(mark, query_)) return {};
  const Rewind rewind{rows_.size(), session_number(mark.session), mark.time,
                      *mark.to_session_time_s};
  if (rewind.rows == 0 || rewind.session == kMostSessions) return {};
  // A sender's flood of the same costs nothing.
  if (!rewinds_.empty()) {
    Rewind& last = rewinds_.back();
    const bool is_beside = last.rows == rewind.rows && last.session == rewind.session;
    if (is_beside && last.time >= rewind.time &&
        last.to_session_time_s <= rewind.to_session_time_s) {
      return {};
    }
  }
  if (rewinds_.size() == limits_.max_points) {
    return fail("these are too many marks: ask for less time", ErrorCode::kRefused);
  }
  rewinds_.push_back(rewind);
  return {};
}

/// A mark takes back points of its session before it in the log, and not behind it in time.
void PointCollector::take_back() {
  if (rewinds_.empty()) return;
  std::map<std::uint32_t, RewindsBehind> behind;
  auto rewind = rewinds_.rbegin();
  for (std::size_t i = rows_.size(); i-- > 0;) {
    for (; rewind != rewinds_.rend() && rewind->rows > i; ++rewind) {
      behind[rewind->session].add(rewind->time, rewind->to_session_time_s);
    }
    const auto of_session = behind.find(rows_[i].session);
    if (of_session == behind.end()) continue;
    rows_[i].is_gone = of_session->second.take_back(rows_[i].time, rows_[i].session_time_s);
  }
}

/// Of points with one frame of one session's time, or one sequence number at one time, the first.
void PointCollector::drop_duplicates() {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (!rows_[i].is_gone && (!std::isnan(rows_[i].frame) || rows_[i].has_sequence)) {
      order.push_back(i);
    }
  }
  const auto key = [&](std::size_t i) {
    const Row& row = rows_[i];
    // NaN has no order.
    if (std::isnan(row.frame)) return std::tuple(0, row.time.ns, row.sequence, -1.0);
    return std::tuple(1, std::int64_t{0}, static_cast<std::uint64_t>(std::max(row.frame, 0.0)),
                      std::isnan(row.session_time_s) ? -1.0 : row.session_time_s);
  };
  std::ranges::stable_sort(order, {}, key);
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (key(order[i]) != key(order[i - 1])) continue;
    rows_[order[i]].is_gone = true;
    ++points_.duplicates;
  }
}

MachinePoints PointCollector::finish() {
  take_back();
  points_.taken_back = static_cast<std::uint64_t>(std::ranges::count(rows_, true, &Row::is_gone));
  drop_duplicates();
  std::vector<std::size_t> order;
  order.reserve(rows_.size());
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (!rows_[i].is_gone) order.push_back(i);
  }
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return rows_[i].time; });
  for (const std::size_t i : order) points_.times.push_back(rows_[i].time);
  for (auto& column : points_.columns) {
    column.values.resize(rows_.size(), kNaN);
    column.values = in_order(column.values, order);
  }
  if (query_.fields.empty()) {
    std::ranges::sort(points_.columns, {}, &MachinePoints::Column::name);
  }
  for (std::size_t field = 0; field < schema_.fields().size(); ++field) {
    if (is_seen_[field]) {
      points_.fields.emplace_back(schema_.fields().name(static_cast<FieldId>(field)));
    }
  }
  std::ranges::sort(points_.fields);
  return std::move(points_);
}

}  // namespace slipstream
