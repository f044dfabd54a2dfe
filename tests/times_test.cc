// A car's times are the same wherever they are told: in its laps, in the store's view of sectors,
// in insights and in the standings. Where the lap says that there is none, there is none.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "pipeline/partition.h"
#include "racing/field_analyzer.h"
#include "racing/lap_observer.h"
#include "racing/progress_sampler.h"
#include "racing/race_field.h"
#include "racing/standings.h"
#include "racing/track_sectors.h"
#include "store/store_fixture.h"
#include "store/store_writer.h"
#include "window/definition.h"

namespace slipstream {
namespace {

constexpr std::int64_t kBeganNs = 1'757'032'100 * kNsPerSecond;
constexpr const char* kTrack = "barber";

/// Whole milliseconds, as all of them are told.
std::int64_t ms(double seconds) {
  return std::llround(seconds * 1e3);
}

struct Sending {
  const char* name = "";
  double loss = 0;    ///< share of losses that begin at a point
  int most_lost = 1;  ///< in a row
  double noise_m = 0;
  bool flips_early = false;  ///< the lap's number, some points before the line
};

class TimesTest : public RollupStoreTest,
                  public testing::WithParamInterface<Sending>,
                  public AcceptedSink,
                  public InsightSink {
 protected:
  using Car = std::string;
  using LapTimesOf = std::map<std::pair<Car, int>, Lap>;

  void SetUp() override {
    RollupStoreTest::SetUp();
    store_ = open();
    writer_.emplace(*store_, std::vector<RollupSink*>{}, clock_, [](const std::string&) {});
    writer_->begin([] { return std::numeric_limits<LogOffset>::max(); }, store_->load().value());
    auto laps = std::make_unique<LapObserver>(schema_.fields(), &sectors_, counts_);
    PartitionObservers observers;
    observers.push_back(std::make_unique<FieldAnalyzer>(kPartition, *this, *laps));
    observers.push_back(
        std::make_unique<ProgressSampler>(kPartition, standings_, schema_.fields(), *laps));
    observers.push_back(std::move(laps));
    partition_.emplace(kPartition,
                       PartitionContext{.clock = clock_,
                                        .ingest = ingest_,
                                        .stats = stats_,
                                        .schema = schema_,
                                        .accepted = *this,
                                        .outputs = *writer_,
                                        .definitions = default_windows(),
                                        .queue = {}},
                       std::move(observers));
    ASSERT_TRUE(partition_->begin({.committed_offset = 0}));
  }
  void accept(PointBatchPtr) override {}
  void accept(PartitionId, std::vector<VehicleInsight> insights) override {
    for (const auto& told : insights) see(told.chassis, told.lap, told.sector_times_s, insights_);
  }

  void drive(double seconds) {
    const Sending& sending = GetParam();
    RaceField field({.cars = 6, .seed = 11, .track = kTrack, .total_m = kTotalM});
    Random random(5);
    std::map<std::size_t, int> lost;
    while (field.time_s() < seconds) {
      field.step();
      auto batch = std::make_unique<PointBatch>();
      for (std::size_t car = 0; car < field.size(); ++car) {
        const bool begins = random.uniform() < sending.loss;
        if (lost[car] == 0 && begins) {
          lost[car] = 1 + static_cast<int>(random.uniform() * sending.most_lost);
        }
        if (lost[car] > 0) {
          --lost[car];
          continue;
        }
        CarReading reading = field.reading(car);
        reading.lapdist_m =
            std::clamp(reading.lapdist_m + sending.noise_m * random.bell(), 0.0, kTotalM - 0.001);
        const bool is_near = reading.lapdist_m > kTotalM - 15 && field.time_s() > 5;
        if (sending.flips_early && is_near) ++reading.lap;
        add(*batch, Car(field.chassis(car)), field.time_s(), reading);
      }
      clock_.advance(40 * kNsPerMs);
      const auto count = batch->points.size();
      Work work{.offset = partition_->position(), .count = count, .batch = std::move(batch)};
      if (count > 0) partition_->process(work);
      partition_->tick();
      look_at_standings();
    }
    for (int i = 0; i < 25; ++i) {  // until all is reported
      clock_.advance(40 * kNsPerMs);
      partition_->tick();
      look_at_standings();
    }
    partition_->checkpoint();
    ASSERT_TRUE(writer_->flush());
  }
  void look_at_standings() {
    standings_.update(clock_.now());
    const auto standings = standings_.of(kTrack, clock_.now());
    if (!standings) return;
    for (const auto& car : standings->cars) {
      see(car.chassis, car.lap, car.sectors_s, standing_);
      if (car.last_lap_s) last_laps_[car.chassis].insert(ms(*car.last_lap_s));
    }
  }
  LapTimesOf stored_laps() {
    LapTimesOf laps;
    const auto page = store_->query_laps({.limit = 1'000});
    for (const auto& one : page->laps) laps[{one.lap->activity.chassis, one.lap->lap}] = *one.lap;
    return laps;
  }

  /// By car, its lap at that instant, and sector.
  using Seen = std::map<std::tuple<Car, int, int>, std::set<std::int64_t>>;
  static void see(const Car& car, int lap, const PerSector& times, Seen& seen) {
    for (const auto& [sector, seconds] : times) seen[{car, lap, sector}].insert(ms(seconds));
  }
  /// What was seen is of the lap that was driven then, or of the one before (by a number that may
  /// be one off at the line); and of each lap all was seen.
  static void expect_of_laps(const Seen& seen, const LapTimesOf& laps) {
    std::map<std::pair<Car, int>, std::set<std::int64_t>> all;
    std::size_t compared = 0;
    for (const auto& [of, values] : seen) {
      const auto& [car, number, sector] = of;
      std::set<std::int64_t> right;
      bool is_known = true;
      for (int lap = number - 2; lap <= number + 1; ++lap) {
        const auto told = laps.find({car, lap});
        // One that is driven yet, or has lost its time later, tells none.
        if (told == laps.end() || !told->second.is_complete) {
          is_known = false;
        } else if (const auto& seconds =
                       told->second.sector_times_s.at(static_cast<std::size_t>(sector))) {
          right.insert(ms(*seconds));
        }
      }
      for (const std::int64_t value : values) {
        all[{car, sector}].insert(value);
        compared += is_known ? 1 : 0;
        EXPECT_TRUE(!is_known || right.contains(value)) << car << " " << number << " " << sector;
      }
    }
    EXPECT_GT(compared, 10u);
    for (const auto& [of, lap] : laps) {
      for (std::size_t sector = 0; sector < lap.sector_times_s.size(); ++sector) {
        const auto& seconds = lap.sector_times_s[sector];
        if (!seconds) continue;
        const bool was_seen = all[{of.first, static_cast<int>(sector)}].contains(ms(*seconds));
        EXPECT_TRUE(was_seen) << of.first << " " << of.second << " " << sector;
      }
    }
  }

  static constexpr PartitionId kPartition = embedded_partition(0);
  static constexpr double kTotalM = 3'830;
  TrackSectors sectors_;
  ManualClock clock_{kBeganNs};
  IngestStats ingest_;
  PipelineStats stats_{default_windows().size()};
  LapCounts counts_;
  Standings standings_;
  std::unique_ptr<RollupStore> store_;
  std::optional<StoreWriter> writer_;
  std::optional<Partition> partition_;
  Seen insights_;
  Seen standing_;
  std::map<Car, std::set<std::int64_t>> last_laps_;

 private:
  void add(PointBatch& batch, const Car& chassis, double seconds, const CarReading& reading) {
    const auto text = [&](std::string_view t) {
      const TextRef ref{static_cast<std::uint32_t>(batch.text.size()),
                        static_cast<std::uint32_t>(t.size())};
      batch.text += t;
      return ref;
    };
    Point point{};
    point.event_time = {kBeganNs + std::llround(seconds * 1e9)};
    point.arrival_time = {point.event_time.ns};
    point.series_hash = series_hash(kTrack, chassis);
    point.track = text(kTrack);
    point.chassis = text(chassis);
    point.lap = static_cast<std::int16_t>(reading.lap);
    point.sector = sectors_.sector_at(kTrack, reading.lapdist_m);
    point.has_sequence = true;
    point.sequence = reading.sequence;
    point.first_value = static_cast<std::uint32_t>(batch.values.size());
    point.value_count = 2;
    batch.values.push_back({reading.lapdist_m, field::kLapdistM});
    batch.values.push_back({reading.speed_kmh, field::kSpeedKmh});
    batch.points.push_back(point);
  }
};

TEST_P(TimesTest, AreTheSameWhereverTheyAreTold) {
  drive(600);
  const LapTimesOf laps = stored_laps();
  std::size_t complete = 0;
  for (const auto& [of, lap] : laps) complete += lap.is_complete ? 1 : 0;
  ASSERT_GE(complete, 10u);
  expect_of_laps(insights_, laps);
  expect_of_laps(standing_, laps);

  std::map<Car, std::set<std::int64_t>> lap_times;
  for (const auto& [of, lap] : laps) {
    if (lap.lap_time_s) lap_times[of.first].insert(ms(*lap.lap_time_s));
  }
  EXPECT_EQ(last_laps_, lap_times);
  const auto standings = standings_.of(kTrack, clock_.now());
  ASSERT_TRUE(standings);
  for (const auto& car : standings->cars) {
    ASSERT_TRUE(car.best_lap_s) << car.chassis;
    EXPECT_EQ(ms(*car.best_lap_s), *lap_times[car.chassis].begin()) << car.chassis;
  }

  auto database = Database::open(path(), SQLITE_OPEN_READONLY).value();
  auto rows = database
                  .prepare(
                      "SELECT chassis, lap, sector, seconds, complete, seconds IS NULL "
                      "FROM sectors")
                  .value();
  std::size_t timed = 0;
  while (rows.step().value()) {
    const auto lap = laps.find({Car(rows.text(0)), static_cast<int>(rows.integer(1))});
    ASSERT_NE(lap, laps.end());
    const auto sector = static_cast<std::size_t>(rows.integer(2));
    EXPECT_NE(rows.integer(4), rows.integer(5));
    if (rows.integer(4) == 0) continue;
    ++timed;
    ASSERT_TRUE(lap->second.is_complete);
    EXPECT_EQ(rows.real(3), lap->second.sector_times_s.at(sector));
  }
  std::size_t told = 0;
  for (const auto& [of, lap] : laps) {
    for (const auto& seconds : lap.sector_times_s) told += seconds ? 1 : 0;
  }
  EXPECT_EQ(timed, told);
}

INSTANTIATE_TEST_SUITE_P(
    Field, TimesTest,
    testing::Values(Sending{.name = "each_point"}, Sending{.name = "noisy", .noise_m = 0.2},
                    Sending{.name = "lossy", .loss = 0.05, .most_lost = 5},
                    Sending{
                        .name = "lossy_and_noisy", .loss = 0.03, .most_lost = 8, .noise_m = 0.2},
                    Sending{.name = "silences", .loss = 0.002, .most_lost = 60},
                    Sending{.name = "number_early", .loss = 0.02, .flips_early = true}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace slipstream
