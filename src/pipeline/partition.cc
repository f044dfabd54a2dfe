#include "pipeline/partition.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace slipstream {

Partition::Partition(std::uint32_t number, PartitionContext context,
                     std::unique_ptr<PointObserver> observer)
    : number_(number),
      context_(std::move(context)),
      observer_(std::move(observer)),
      queue_(context_.queue),
      series_(context_.max_series),
      windows_(context_.definitions, number, context_.run),
      published_(context_.definitions.size()),
      sector_member_(",\"" + context_.schema.options().sector + "\":") {}

std::size_t Partition::poll(std::size_t budget) {
  const std::size_t taken = queue_.take(taken_, budget);
  for (auto& batch : taken_) fold(std::move(batch));
  taken_.clear();
  return taken;
}

void Partition::fold(PointBatchPtr batch) {
  const ArrivalTime begin = context_.clock.now();
  for (Point& point : batch->points) {
    point.series = series_.find_or_add(*batch, point, evicted_);
    if (!evicted_.empty()) forget(evicted_);
    SeriesState& series = series_[point.series];
    complete(*batch, point, series);
    if (point.has_sequence) {
      const auto change = series.sequence.see(point.sequence);
      if (change.missing != 0) context_.ingest.sequence_missing.add(change.missing);
      if (change.repeats != 0) context_.ingest.sequence_repeats.add(change.repeats);
    }
    windows_.fold(*batch, point, closed_);
  }
  if (observer_) observer_->observe(*batch);
  context_.stats.folded_points.add(batch->points.size());
  context_.stats.batches.add();
  context_.stats.series.set(static_cast<std::int64_t>(series_.size()));
  context_.accepted.accept(std::move(batch));
  publish_rollups();
  context_.stats.processing.observe_ns(context_.clock.now().ns - begin.ns);
}

void Partition::complete(PointBatch& batch, Point& point, SeriesState& series) {
  series.last_arrival = std::max(series.last_arrival, point.arrival_time);
  if (point.lap_is_fault) {
    repair_lap(batch, point, series);
  } else {
    series.lap = point.lap;
  }
  if (point.sector == Point::kNoSector) {
    const double distance = batch.value_or_nan(point, field::kLapdistM);
    if (!std::isnan(distance)) {
      point.sector = context_.sectors.sector_at(series.track, distance);
    } else {
      point.sector = series.sector_lap == point.lap ? series.sector : 0;
    }
    add_sector_text(batch, point);
  }
  series.sector = point.sector;
  series.sector_lap = point.lap;
}

void Partition::repair_lap(PointBatch& batch, Point& point, const SeriesState& series) {
  point.lap = series.lap;
  context_.ingest.lap_repaired.add();
  if (point.lap_literal.length == 0) return;
  const auto before = batch.str({point.json.offset, point.lap_literal.offset - point.json.offset});
  const std::uint32_t behind = point.lap_literal.offset + point.lap_literal.length;
  const auto after = batch.str({behind, point.json.offset + point.json.length - behind});
  std::string text;
  text.reserve(point.json.length + std::size_t{8});
  text += before;
  text += std::to_string(point.lap);
  text += after;
  point.json = {static_cast<std::uint32_t>(batch.text.size()),
                static_cast<std::uint32_t>(text.size())};
  batch.text += text;
  batch.text.append(PointBatch::kTextSpare, ' ');
}

void Partition::add_sector_text(PointBatch& batch, Point& point) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, point.sector).ptr;
  const auto digit_count = static_cast<std::size_t>(end - digits);
  const std::size_t added = sector_member_.size() + digit_count;
  if (added > PointBatch::kTextSpare) {
    // A long member name: the text moves to where there is room for it.
    const std::string text(batch.json(point));
    point.json.offset = static_cast<std::uint32_t>(batch.text.size());
    batch.text += text;
    batch.text.append(added, ' ');
  }
  char* out = batch.text.data() + point.json.offset + point.json.length - 1;
  std::memcpy(out, sector_member_.data(), sector_member_.size());
  out += sector_member_.size();
  std::memcpy(out, digits, digit_count);
  out[digit_count] = '}';
  point.json.length += static_cast<std::uint32_t>(added);
}

void Partition::tick() {
  const ArrivalTime now = context_.clock.now();
  if (now.ns - last_tick_.ns < kTickNs) return;
  last_tick_ = now;
  windows_.tick(now, closed_);
  publish_rollups();
  if (observer_) observer_->tick(now);
}

void Partition::close_all() {
  windows_.close_all(closed_);
  publish_rollups();
}

void Partition::forget(const std::vector<std::uint32_t>& evicted) {
  for (const auto number : evicted) {
    windows_.forget(number, closed_);
    if (observer_) observer_->forget(number);
  }
  evicted_.clear();
}

void Partition::publish_rollups() {
  for (std::size_t d = 0; d < published_.size(); ++d) {
    const WindowCounts& now = windows_.counts(d);
    WindowCounts& before = published_[d];
    WindowStats& stats = context_.stats.windows[d];
    if (now.rollups != before.rollups) stats.rollups_emitted.add(now.rollups - before.rollups);
    if (now.late_points != before.late_points) {
      stats.late_points.add(now.late_points - before.late_points);
    }
    if (now.closed_points != before.closed_points) {
      stats.closed_points.add(now.closed_points - before.closed_points);
    }
    if (now.open_points != before.open_points) {
      stats.open_points.add(static_cast<std::int64_t>(now.open_points) -
                            static_cast<std::int64_t>(before.open_points));
    }
    before = now;
  }
  if (closed_.empty()) return;
  const ArrivalTime now = context_.clock.now();
  for (const auto& rollup : closed_) {
    context_.stats.ingest_to_rollup.observe_ns(now.ns - rollup->last_arrival.ns);
  }
  for (RollupSink* sink : context_.rollups) sink->accept(closed_);
  closed_.clear();
}

}  // namespace slipstream
