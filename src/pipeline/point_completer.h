#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "derive/derived_fields.h"
#include "model/ingest_stats.h"
#include "model/point.h"
#include "model/schema.h"
#include "pipeline/series_table.h"

namespace slipstream {

/// Completes the points of a partition, out of what it knows of each machine:
///   - its number, and its series' where that has tags;
///   - the lap, where the logger's was a fault value: the last good one;
///   - the sector, where neither the sender nor the distance told one: the last one of this lap;
///   - the derived fields, out of its own and, where they remember points, its series'
///   (DerivedFields);
///   - the point's text, with what was put in.
/// It also counts the holes and repeats of the machines' sequence numbers.
///
/// It is a pure function of the points it is given, in their order. What it knows of a series is
/// saved and restored with the partition's windows. Bounded: `max_series`, then those seen longest
/// ago are forgotten.
/// Threads: one.
class PointCompleter {
 public:
  /// Both outlive it. The schema's derived fields can be compiled: whoever read them has seen to
  /// it.
  PointCompleter(std::size_t max_series, Schema& schema, IngestStats& ingest);

  /// Numbers the point's machine and its series: the first thing to be done with a point. Series
  /// that are forgotten for it are appended to `evicted`; the numbers may be of theirs.
  void number(const PointBatch& batch, Point& point, std::vector<std::uint32_t>& evicted) {
    const std::size_t known = evicted.size();
    point.machine = point.series = series_.find_or_add(batch, point, {}, evicted);
    if (point.tags.length > 0) number_tagged(batch, point, evicted);
    if (evicted.size() != known) forget_memories(std::span(evicted).subspan(known));
  }
  /// Puts in what the point lacks, and remembers what it tells.
  void complete(PointBatch& batch, Point& point) {
    SeriesState& series = machine_of(point);
    if (point.lap_is_fault) repair_lap(batch, point, series);
    if (point.sector == Point::kNoSector) {
      point.sector = series.sector_lap == point.lap ? series.sector : 0;
      point.sector_derived = true;
      point.sector_unknown = series.sector_lap != point.lap;
    }
    members_.clear();
    const bool has_text = point.json.length > 0;
    if (point.sector_derived && has_text) add_sector_member(point);
    remember(point, series);
    if (!derived_->is_empty()) derive(batch, point, has_text ? &members_ : nullptr);
    if (!members_.empty()) add_text(batch, point);
  }
  /// Remembers what a point tells that is complete already.
  void follow(PointBatch& batch, Point& point) {
    remember(point, machine_of(point));
    if (derived_->remembers()) derive(batch, point, nullptr);
  }
  /// `is_told`: what is missing, or comes again, is counted for people to see.
  void check_sequence(const Point& point, bool is_told) {
    if (!point.has_sequence) return;
    const auto change = machine_of(point).sequence.see(point.sequence);
    if (!is_told) return;
    if (change.missing != 0) ingest_.sequence_missing.add(change.missing);
    if (change.repeats != 0) ingest_.sequence_repeats.add(change.repeats);
  }

  std::size_t size() const { return series_.size(); }
  bool in_use(std::uint32_t series) const { return series_.in_use(series); }
  /// All numbers in use are less.
  std::uint32_t numbers_end() const { return series_.numbers_end(); }

  /// Appends what is known of a series in use.
  void save_series(std::uint32_t series, std::string& out) const;
  /// Takes up what save_series() gave, under a number that is not in use. Errors: damage.
  Result<void> restore_series(std::uint32_t series, std::string_view bytes);

 private:
  SeriesState& machine_of(const Point& point) {
    CHECK(point.machine < series_.numbers_end(), "a point's machine is numbered before all else");
    return series_[point.machine];
  }
  void number_tagged(const PointBatch& batch, Point& point, std::vector<std::uint32_t>& evicted);
  static void remember(const Point& point, SeriesState& series) {
    series.last_arrival = std::max(series.last_arrival, floor_to_ms(point.arrival_time));
    series.lap = point.lap;
    if (point.sector_unknown) return;
    series.sector = point.sector;
    series.sector_lap = point.lap;
  }
  void repair_lap(PointBatch& batch, Point& point, const SeriesState& series);
  void derive(PointBatch& batch, Point& point, std::string* members);
  FunctionMemories& memories_of(std::uint32_t series);
  void forget_memories(std::span<const std::uint32_t> evicted);
  void add_sector_member(const Point& point);
  /// Puts members_ into the point's text, at its end.
  void add_text(PointBatch& batch, Point& point) const;

  SeriesTable series_;
  SeriesLimit& limit_;
  IngestStats& ingest_;
  const std::string sector_member_;  ///< ,"sector":
  std::unique_ptr<DerivedFields> derived_;
  std::vector<FunctionMemories> memories_;  ///< by series; empty: nothing is known yet
  std::string members_;                     ///< of the point in hand, to be put into its text
};

}  // namespace slipstream
