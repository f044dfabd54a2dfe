#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alert/alert_rule.h"
#include "base/counters.h"
#include "model/observer.h"
#include "model/series_name.h"

namespace slipstream {

/// Of all partitions together. Any thread.
struct AlertCounts {
  Counter not_followed;  ///< points of series beyond those that are followed
};

/// Raises and clears alerts, of each series of a partition by itself, by event time: a pure
/// function of its points in the order of the log. A point that lacks a field of a condition says
/// nothing of it; what a condition holds for is from the first point of which it is true up to the
/// newest, so that silence changes nothing. An alert is cleared, too, where its series is
/// forgotten.
///
/// State: about 100 bytes for each rule and series of which there is something to remember, and
/// what functions of its conditions remember. Bounded: kMostSeries. Borrows the schema and the
/// counts, which outlive it. Threads: the partition's.
class AlertObserver final : public PartitionObserver, private ObserverState {
 public:
  static constexpr std::size_t kMostSeries = 4'096;

  /// Their conditions can be compiled (check_rules()).
  AlertObserver(const std::vector<AlertRule>& rules, Schema& schema, AlertCounts& counts);

  std::string_view name() const override { return "alerts"; }
  using PartitionObserver::observe;
  void observe(const PointBatch& batch, std::span<const Point> points) override;
  void tick(SteadyTime) override {}
  SteadyTime next_tick() const override { return kForever; }
  void forget(std::uint32_t series) override;
  void take_alerts(std::vector<Alert>& into) override;
  ObserverState* state() override { return this; }

 private:
  struct Rule {
    AlertRule options;
    std::string id;
    Expression when;
    std::optional<Expression> clear;
    std::int64_t clear_for_ns;
    FunctionMemories fresh;  ///< of `when`, then of `clear`
  };
  /// Of a rule and a series.
  struct Watch {
    std::size_t rule = 0;
    FunctionMemories memories = {};
    std::optional<EventTime> since = {};  ///< the condition that would change it is true since then
    std::string active = {};              ///< the occurrence's id; empty: it is not active
    std::int64_t raised_arrival_ms = 0;
    std::uint32_t raised_there = 0;

    bool is_idle() const {
      return memories.empty() && !since && active.empty() && raised_there == 0;
    }
  };
  struct Series {
    bool is_known = false;  ///< else it is only counted: its next point tells the rest
    SeriesName name = {};
    EventTime newest = {};
    std::vector<Watch> watches = {};  ///< of the rules that are about it

    bool is_idle() const { return std::ranges::all_of(watches, &Watch::is_idle); }
  };

  void save(std::string& out) const override;
  Result<void> restore(std::string_view bytes) override;
  void clear() override;

  Series known(SeriesName name) const;
  Series* series_of(const PointBatch& batch, const Point& point);
  void look_at(Series& series, Watch& watch, const Point& point);
  void raise(const Series& series, Watch& watch, const Point& point);
  void tell(const Series& series, const Watch& watch, bool is_raised, EventTime time,
            std::optional<double> value, std::string message);
  static bool is_due(Watch& watch, bool is_true, std::int64_t for_ns, EventTime time);
  std::optional<double> value_of(const Rule& rule) const;

  PointInputs inputs_;
  AlertCounts& counts_;
  std::vector<Rule> rules_;
  std::map<std::uint32_t, Series>
      series_;  // by Point::series, in the order in which they are saved
  std::vector<Alert> told_;
};

}  // namespace slipstream
