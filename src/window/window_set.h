#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "model/point.h"
#include "model/rollup.h"
#include "model/series_name.h"
#include "window/definition.h"
#include "window/earlier_rollups.h"
#include "window/statistics.h"

namespace slipstream {

/// Where a definition's points are: accepted = closed + open + late, always.
struct WindowCounts {
  std::uint64_t closed_points = 0;  ///< in rollups that were emitted in time
  std::uint64_t open_points = 0;
  std::uint64_t late_points = 0;      ///< dropped, or in rollups of their own
  std::uint64_t gathered_points = 0;  ///< of the late ones, those whose rollup is not yet emitted
  std::uint64_t rollups = 0;          ///< emitted, late ones included
};

/// The open windows of one partition: points in, rollups out. The fold is a pure function of the
/// points and ticks it is given: no clock, no I/O, no threads of its own. One thread.
///
/// It can be saved at any moment, series by series, and restored in another process: what is folded
/// from there gives the same rollups, with the same ids and sequence numbers, in the same order.
/// All that decides anything of an arrival time or a tick is its whole milliseconds, as the log has
/// them. Series numbers are dense.
///
/// Memory: a series without open windows costs sizeof(Series), and sizeof(SeriesWindows) for each
/// definition. Both stand in arrays over all series, apart from the windows' own memory, so that
/// the pages of closed windows can be given back to the system.
///
/// Event-time windows (`every_ms`) close when their series' watermark, the newest event time less
/// `lateness_ms`, has passed their end; a machine with a wrong clock moves its own watermark only.
/// A stamp that is ahead of its arrival by more than `ahead_ms` moves none at all. Its point is
/// kept as any: a window that only such points have reached closes when nothing has come for it for
/// as long as a machine may be idle, as the one opened first where a series has too many of them,
/// or when the watermark gets there. A point whose window the watermark has closed is late. One
/// whose window was closed for another reason (the machine was idle, the server stopped) opens
/// another window of the same time. Windows that close on change take a point for late when it
/// belongs to the place just left (lap and sector, as far as the definition has them) and is older
/// than the point that left it; of a stamp that is too far ahead the arrival counts there.
class WindowSet {
 public:
  WindowSet(std::vector<WindowDefinition> definitions, PartitionId partition);

  /// Folds one point, whose `series`, `lap` and `sector` are set; appends what closes to `out`.
  /// Here alone it is decided, for each definition, whether the point is late.
  void fold(const PointBatch& batch, const Point& point, RollupBatch& out);
  /// Closes what has been idle for too long, in order of series. Call it several times a second.
  /// Where ticks go back, since somebody set the clock, time goes on from where it was: nothing
  /// stays open for as long as the step.
  void tick(ArrivalTime now, RollupBatch& out);
  /// The series that the last tick() or close_all() closed windows of, in order.
  const std::vector<std::uint32_t>& touched() const { return touched_; }
  /// Closes all windows of one series and forgets it; its number may be used again.
  void forget(std::uint32_t series, RollupBatch& out);
  /// Closes everything that is open, in order of series.
  void close_all(RollupBatch& out);

  /// Appends all that is known of one series to `out`; of an unused number, that it is unused.
  void save_series(std::uint32_t series, std::string& out, const FieldTable& fields) const;
  /// Takes up a series that a set of the same definitions saved, under a number not in use here.
  /// Bytes that make no sense are an error and change nothing, but that names of fields may be
  /// known.
  Result<void> restore_series(std::uint32_t series, std::string_view bytes, FieldTable& fields);
  /// Appends the numbers of the set itself: the sequence and the counts but for the open points,
  /// which the series bring.
  void save(std::string& out) const;
  Result<void> restore(std::string_view bytes);
  /// The number of the last rollup. It never goes back, whatever becomes of series and definitions:
  /// ids and everyone who removes repeats rely on it.
  std::uint64_t sequence() const { return sequence_; }
  /// A number for what is stored in order with the rollups and is none: no rollup gets it.
  std::uint64_t take_number() { return ++sequence_; }
  /// For a fresh set that goes on where one of other definitions ended: its first rollup's number
  /// is the next one.
  void start_sequence_at(std::uint64_t sequence) { sequence_ = sequence; }
  /// Raises the sequence and all ordinals, so that from here on no rollup gets a number or an id
  /// that an earlier run gave, whose last rollup was `sequence`, and which folded at most `points`
  /// more than this set.
  void skip_numbers_of(std::uint64_t sequence, std::uint64_t points);
  /// Saved and restored with the set.
  EarlierRollups& earlier_rollups() { return earlier_rollups_; }

  /// Of late rollups and of windows ahead, where a definition has no idle_ms.
  static constexpr std::int64_t kLateIdleMs = 2'000;

  const std::vector<WindowDefinition>& definitions() const { return definitions_; }
  const WindowCounts& counts(std::size_t definition) const { return counts_[definition]; }

 private:
  struct Key {
    std::int32_t lap = 0;
    std::int32_t sector = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Window {
    Window(std::int64_t start, Key k, std::uint64_t n, Statistics empty)
        : start_ns(start), key(k), ordinal(n), statistics(std::move(empty)) {}
    std::int64_t start_ns;  ///< of the window, or of its first point
    Key key;
    std::uint64_t ordinal;  ///< counts this series' windows of this definition
    bool late = false;
    std::uint64_t count = 0;
    std::int64_t first_ns = std::numeric_limits<std::int64_t>::max();
    std::int64_t last_ns = std::numeric_limits<std::int64_t>::min();
    Key last_place;            ///< lap and sector of the latest point
    ArrivalTime last_arrival;  ///< shifted
    Statistics statistics;

    /// Only points ahead of the clock have reached it.
    bool is_ahead(std::int64_t newest_event_ns) const { return start_ns > newest_event_ns; }
    /// Sorts windows: the order is the same however they came to stand.
    std::pair<std::int64_t, std::uint64_t> age() const { return {start_ns, ordinal}; }
    void save(StateWriter& out) const;
    bool restore(StateReader& in);
  };
  /// One series' windows of one definition. The vectors have no memory while they are empty.
  struct SeriesWindows {
    std::vector<Window> open;
    std::vector<Window> late;
    std::uint64_t opened = 0;  ///< the next window's ordinal
    /// But for stamps ahead of the clock.
    std::int64_t newest_event_ns = std::numeric_limits<std::int64_t>::min();
    /// The watermark, cut to a window's end: points of windows that end up to here are late.
    std::int64_t closed_until_ns = std::numeric_limits<std::int64_t>::min();
    bool has_place = false;
    Key place;  ///< where the machine is, for what closes on change
    bool has_left = false;
    Key left;                  ///< what it moved on from
    std::int64_t left_ns = 0;  ///< event time of the point that moved on

    void save(StateWriter& out) const;
    bool restore(const WindowDefinition& definition, StateReader& in);
  };
  struct Series {
    SeriesName name;
    ArrivalTime last_arrival;  ///< in whole milliseconds, shifted
    bool in_use = false;
  };

  void fold_timed(std::size_t d, Series& series, const Point& point, RollupBatch& out);
  void fold_keyed(std::size_t d, Series& series, const Point& point, RollupBatch& out);
  void fold_late(std::size_t d, Series& series, std::int64_t start_ns, Key key, const Point& point,
                 RollupBatch& out);
  void close_until(std::size_t d, Series& series, std::int64_t until_ns, RollupBatch& out);
  void close_open(std::size_t d, Series& series, RollupBatch& out);
  void close_idle_ahead(std::size_t d, Series& series, ArrivalTime now, RollupBatch& out);
  void make_room_ahead(std::size_t d, Series& series, RollupBatch& out);
  bool is_ahead_of_clock(std::size_t d, const Point& point) const;
  bool is_ahead_of_arrival(std::size_t d, std::int64_t event_ns, const Point& point) const;
  bool is_older_than_leaver(std::size_t d, const SeriesWindows& windows, const Point& point) const;
  void close_everything(Series& series, RollupBatch& out);
  void close_late(std::size_t d, Series& series, std::size_t how_many, RollupBatch& out);
  void add(Window& window, const Point& point);
  std::span<SeriesWindows> windows_of(const Series& series);
  std::span<const SeriesWindows> windows_at(std::uint32_t series) const;
  SeriesWindows& windows_of(const Series& series, std::size_t d) { return windows_of(series)[d]; }
  Statistics fresh_statistics(std::size_t d);
  void remove(std::vector<Window>& windows, std::vector<Window>::iterator from,
              std::vector<Window>::iterator to);
  void emit_open(std::size_t d, const Series& series, const Window& window, RollupBatch& out);
  void emit(std::size_t d, const Series& series, const Window& window, RollupBatch& out);
  Key key_of(const WindowDefinition& definition, const Point& point) const;
  void resize(std::size_t series);
  ArrivalTime shifted(ArrivalTime at) const { return {at.ns + shift_ns_}; }
  std::int64_t due_ns(const Series& series, std::span<const SeriesWindows> by_definition) const;

  static constexpr ArrivalTime kNotTicked{std::numeric_limits<std::int64_t>::min()};
  static constexpr std::size_t kMaxOpenKeys =
      64;  ///< a series and definition; of windows ahead too
  static constexpr std::size_t kMaxLateWindows = 16;
  static constexpr std::size_t kMaxSpare = 64;
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  struct Limits {
    std::int64_t open_ns = kNever;   ///< that a machine may be idle
    std::int64_t late_ns = kNever;   ///< a late rollup
    std::int64_t ahead_ns = kNever;  ///< a window ahead
    std::int64_t stamp_ns = kNever;  ///< that a stamp may be ahead of its arrival
  };

  const std::vector<WindowDefinition> definitions_;
  const PartitionId partition_;
  std::vector<Limits> limits_;              // by definition
  std::int64_t shortest_idle_ns_ = kNever;  // of all of them
  std::vector<Series> series_;
  std::vector<SeriesWindows> series_windows_;  // of each series one by definition
  std::vector<Statistics> spare_;     // of closed windows, for their memory: windows come and go
  std::vector<std::int64_t> due_ns_;  // by series: no tick before can close anything of it
  PointValues values_;                // of the point in hand
  std::vector<std::uint32_t> touched_;
  std::vector<WindowCounts> counts_;
  std::uint64_t sequence_ = 0;
  ArrivalTime ticked_ = kNotTicked;  // the last tick, shifted
  std::int64_t shift_ns_ = 0;  // by so much the clock was set back since; added to all arrivals
  EarlierRollups earlier_rollups_;
};

}  // namespace slipstream
