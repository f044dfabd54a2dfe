// Laps of what games and loggers really send, decoded as the server does: those of the race
// captures equal the simulator's own table, also where the observer is saved and restored again and
// again.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <tuple>

#include "codec/games_testing.h"
#include "racing/lap_observer.h"

namespace slipstream {
namespace {

using games_testing::datagrams_of;
using games_testing::read_reference;
using games_testing::read_whole_reference;

/// Points in calls of some length, and marks between them, as a partition tells them.
struct Work {
  PointBatchPtr batch;
  std::optional<Mark> mark;
};

constexpr std::int64_t kReceivedNs = 1'800'000'000 * kNsPerSecond;  // of files

/// Decodes into work, in the order of the log.
class Recording final : public RejectionSink, public MarkSink {
 public:
  explicit Recording(std::string_view decoder) : decoder_(*make_decoder(decoder, filler_)) {
    builder_.send_marks_to(*this);
  }

  void take(const games_testing::Datagram& datagram) {
    std::string padded = datagram.bytes;
    padded.append(Decoder::kPadding, '\0');
    decoder_->decode({padded.data(), datagram.bytes.size()},
                     {SourceKind::kUdp, datagram.arrival, "udp:127.0.0.1:9", {}, 1}, *this);
    drain();
  }
  void take_text(std::string text) {
    const std::size_t size = text.size();
    text.append(Decoder::kPadding, '\0');
    decoder_->decode({text.data(), size}, {SourceKind::kHttp, {kReceivedNs}, "file", {}, 1, true},
                     *this);
    drain();
  }
  void take_capture(const std::string& capture) {
    const auto datagrams = datagrams_of(capture);
    for (const auto& datagram : datagrams) take(datagram);
    decoder_->flush({datagrams.back().arrival.ns + kNsPerSecond}, *this);
    drain();
  }
  std::vector<Work>& work() { return work_; }
  FieldTable& fields() { return schema_.fields(); }

 private:
  void rejected(std::size_t, const Rejection& rejection, std::string_view) override {
    ADD_FAILURE() << rejection.message;
  }
  void accept(const Mark& mark) override {
    drain();
    work_.push_back({.batch = nullptr, .mark = mark});
  }
  void drain() {
    auto& batch = writer_.open().at(0);
    if (!batch || batch->points.empty()) return;
    for (Point& point : batch->points) {
      point.machine =
          numbers_.try_emplace(point.series_hash, static_cast<std::uint32_t>(numbers_.size()))
              .first->second;
    }
    work_.push_back({.batch = std::move(batch), .mark = {}});
    batch.reset();
  }

  Schema schema_;
  IngestStats stats_;
  BatchPool pool_;
  BatchWriter writer_{1, pool_};
  PointBuilder builder_{schema_, stats_, writer_};
  DraftFiller filler_{builder_};
  std::unique_ptr<Decoder> decoder_;
  std::map<std::uint64_t, std::uint32_t> numbers_;
  std::vector<Work> work_;
};

using LapName = std::tuple<std::string, std::string, int, unsigned>;  // session, chassis, lap, n-th

/// What a store keeps of what was told.
struct Kept {
  std::map<LapName, Lap> laps;
  std::map<ActivityKey, Activity> activities;

  void take(ToldLaps told) {
    for (const auto& lap : told.laps) {
      const LapName name{lap->activity.source_session, lap->activity.chassis, lap->lap,
                         lap->repeat};
      const auto at = laps.find(name);
      if (at == laps.end() || at->second.revision <= lap->revision) laps[name] = *lap;
    }
    for (const auto& activity : told.activities) activities[activity.key] = activity;
  }
};

void give(LapObserver& observer, const Work& work) {
  if (work.mark) {
    observer.observe_mark(*work.mark);
  } else {
    observer.observe(*work.batch);
  }
}

std::string saved(LapObserver& observer) {
  std::string bytes;
  observer.state()->save(bytes);
  return bytes;
}

Kept laps_of(Recording& recording) {
  Kept kept;
  LapCounts counts;
  LapObserver observer(recording.fields(), nullptr, counts);
  for (const Work& work : recording.work()) {
    give(observer, work);
    ToldLaps told;
    observer.take_told(told, false);
    kept.take(std::move(told));
  }
  ToldLaps told;
  observer.take_told(told, true);
  kept.take(std::move(told));
  return kept;
}

std::optional<std::int64_t> ms(std::optional<double> seconds) {
  return seconds ? std::optional(std::llround(*seconds * 1000)) : std::nullopt;
}

/// A row of laps.json, and the same of a lap.
std::string row_of(const Lap& lap) {
  std::ostringstream out;
  const auto number = [&](std::optional<std::int64_t> n) { n ? out << *n : out << "null"; };
  const auto flag = [&](std::optional<bool> b) { out << (b ? (*b ? "true" : "false") : "null"); };
  out << lap.is_complete << " lap ";
  number(ms(lap.lap_time_s));
  for (std::size_t i = 0; i < 3; ++i) {
    out << ' ';
    number(i < lap.sector_times_s.size() ? ms(lap.sector_times_s[i]) : std::nullopt);
  }
  out << " valid ";
  flag(lap.is_valid);
  out << " pit ";
  flag(lap.pit_in);
  flag(lap.pit_out);
  out << " rewound " << lap.is_rewound << " kept " << lap.points << " discarded " << lap.discarded
      << " missing " << lap.missing << " begins here " << lap.begun_here;
  return out.str();
}

std::map<LapName, std::string> rows_of(const std::string& table) {
  simdjson::dom::parser parser;
  std::map<LapName, std::string> rows;
  for (const auto row : parser.parse(table)["laps"].get_array()) {
    Lap lap;
    lap.is_complete = bool(row["complete"]);
    const auto seconds = [&](const char* key) -> std::optional<double> {
      if (row[key].is_null()) return std::nullopt;
      return static_cast<double>(std::int64_t(row[key])) / 1000;
    };
    const auto flag = [&](const char* key) -> std::optional<bool> {
      if (row[key].is_null()) return std::nullopt;
      return bool(row[key]);
    };
    lap.lap_time_s = seconds("lap_ms");
    lap.sector_times_s = {seconds("s1_ms"), seconds("s2_ms"), seconds("s3_ms")};
    lap.is_valid = flag("valid");
    lap.pit_in = flag("pit_in");
    lap.pit_out = flag("pit_out");
    lap.is_rewound = bool(row["rewound_by_flashback"]);
    lap.missing = row["lapdata_missing"].get_array().size();
    lap.points = std::uint64_t(row["frames_kept"]);
    lap.discarded = std::uint64_t(row["frames_discarded"]);
    lap.begun_here = bool(row["begins_in_this_session"]);
    rows[{std::string(std::string_view(row["session_uid"])),
          std::string(std::string_view(row["driver"])), static_cast<int>(std::int64_t(row["lap"])),
          0}] = row_of(lap);
  }
  return rows;
}

std::map<LapName, std::string> rows_of(const Kept& kept) {
  std::map<LapName, std::string> rows;
  for (const auto& [name, lap] : kept.laps) rows[name] = row_of(lap);
  return rows;
}

class RaceLaps : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto capture = read_reference(std::string(GetParam()) + ".cap");
    const auto table = read_reference(std::string(GetParam()) + ".laps.json");
    if (!capture || !table) GTEST_SKIP() << "no reference data for " << GetParam();
    recording.take_capture(*capture);
    wanted = rows_of(*table);
  }

  Recording recording{"auto"};
  std::map<LapName, std::string> wanted;
};

TEST_P(RaceLaps, EqualTheTableOfTheSimulator) {
  ASSERT_EQ(wanted.size(), 21U);
  EXPECT_EQ(rows_of(laps_of(recording)), wanted);
}

/// What insights and standings are told of a lap that is being driven.
TEST_P(RaceLaps, TellTheTimesOfSectorsWhileTheyAreDriven) {
  using Name = std::tuple<std::int64_t, std::string, std::int32_t>;  // activity, chassis, lap
  std::map<Name, std::vector<std::set<std::int64_t>>> told_early;
  LapCounts counts;
  LapObserver observer(recording.fields(), nullptr, counts);
  for (const Work& work : recording.work()) {
    give(observer, work);
    if (work.mark) continue;
    const Point& point = work.batch->points.back();
    const TimedLaps timed = observer.times_of(point.machine, point.series_hash, 1);
    if (timed.laps.empty() || !timed.laps[0].is_running) continue;
    const TimedLap& lap = timed.laps[0];
    auto& sectors =
        told_early[{timed.activity.ns, std::string(work.batch->chassis(point)), lap.lap}];
    if (sectors.size() < lap.sector_times_s.size()) sectors.resize(lap.sector_times_s.size());
    for (std::size_t i = 0; i < lap.sector_times_s.size(); ++i) {
      if (lap.sector_times_s[i]) sectors[i].insert(*ms(lap.sector_times_s[i]));
    }
  }
  std::size_t compared = 0;
  for (const auto& [name, lap] : laps_of(recording).laps) {
    if (!lap.is_complete || lap.is_rewound) continue;
    const auto early = told_early.find({lap.activity.first.ns, lap.activity.chassis, lap.lap});
    if (early == told_early.end()) continue;
    for (std::size_t i = 0; i < early->second.size(); ++i) {
      for (const std::int64_t value : early->second[i]) {
        EXPECT_EQ(value, ms(lap.sector_times_s.at(i))) << std::get<1>(name) << ' ' << lap.lap;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 5U);
}

TEST_P(RaceLaps, AreTheSameWhereTheObserverIsRestoredAgainAndAgain) {
  const Kept whole = laps_of(recording);
  std::mt19937 random(7);
  std::set<std::size_t> at;
  while (at.size() < 50) at.insert(random() % recording.work().size());
  Kept kept;
  Kept since;  // the last checkpoint: it may be told again
  LapCounts counts;
  auto observer = std::make_unique<LapObserver>(recording.fields(), nullptr, counts);
  std::size_t largest = 0;
  for (std::size_t i = 0; i < recording.work().size(); ++i) {
    give(*observer, recording.work()[i]);
    ToldLaps told;
    observer->take_told(told, at.contains(i));
    kept.take(std::move(told));
    if (!at.contains(i)) continue;
    const std::string state = saved(*observer);
    largest = std::max(largest, state.size());
    observer = std::make_unique<LapObserver>(recording.fields(), nullptr, counts);
    ASSERT_TRUE(observer->state()->restore(state));
    EXPECT_EQ(saved(*observer), state);
  }
  ToldLaps told;
  observer->take_told(told, true);
  kept.take(std::move(told));
  EXPECT_EQ(rows_of(kept), rows_of(whole));
  for (const auto& [name, lap] : whole.laps) {
    const Lap& other = kept.laps.at(name);
    EXPECT_EQ(other.revision, lap.revision) << std::get<1>(name) << ' ' << std::get<2>(name);
    EXPECT_EQ(other.max_speed_kmh, lap.max_speed_kmh);
    EXPECT_EQ(other.channels, lap.channels);
    EXPECT_EQ(other.longest_gap_s, lap.longest_gap_s);
    EXPECT_EQ(other.began, lap.began);
  }
  EXPECT_LT(largest, 64U << 10);
  RecordProperty("state_bytes", static_cast<int>(largest));
}

INSTANTIATE_TEST_SUITE_P(Games, RaceLaps, testing::Values("f1_2025_race", "f1_2025_race_b"),
                         [](const auto& tested) { return std::string(tested.param); });

/// The laps that a capture's meta line tells, in milliseconds, by number.
std::map<int, std::int64_t> laps_told_of(const std::string& expected) {
  simdjson::dom::parser parser;
  std::map<int, std::int64_t> laps;
  const auto meta = games_testing::lines_of(expected).at(0);
  for (const auto lap : parser.parse(meta)["laps"].get_array()) {
    laps[static_cast<int>(std::int64_t(lap["lap"]))] = std::int64_t(lap["ms"]);
  }
  return laps;
}

class CarLaps : public testing::TestWithParam<const char*> {};

TEST_P(CarLaps, HaveTheTimesThatTheGameTells) {
  const std::string name = GetParam();
  // What is kept with the tests is less than a lap.
  const auto capture = read_whole_reference(name + ".cap");
  const auto expected = read_whole_reference(name + ".expected.ndjson");
  if (!capture || !expected) GTEST_SKIP() << name << ".cap is not in ../shared/data/games";
  Recording recording{"auto"};
  recording.take_capture(*capture);
  const Kept kept = laps_of(recording);
  std::map<int, std::int64_t> complete;
  for (const auto& [key, lap] : kept.laps) {
    if (!lap.is_complete) continue;
    EXPECT_TRUE(lap.is_official);
    complete[lap.lap] = *ms(lap.lap_time_s);
  }
  EXPECT_EQ(complete, laps_told_of(*expected));
}

INSTANTIATE_TEST_SUITE_P(Games, CarLaps,
                         testing::Values("forza_dash", "forza_motorsport", "forza_horizon", "gt7_a",
                                         "gt7_b"),
                         [](const auto& tested) { return std::string(tested.param); });

/// Of the lap's points, by their times alone, sorted.
struct Steps {
  std::int64_t usual_ms = 0;
  std::uint64_t missing = 0;
  double longest_s = 0;
};

std::uint64_t missing_in(std::int64_t step_ms, std::int64_t usual_ms) {
  const auto steps = std::llround(static_cast<double>(step_ms) / static_cast<double>(usual_ms));
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, steps - 1));
}

Steps steps_of(const std::vector<std::int64_t>& all_ms) {
  std::vector<std::int64_t> steps;
  for (std::size_t i = 1; i < all_ms.size(); ++i) steps.push_back(all_ms[i] - all_ms[i - 1]);
  auto sorted = steps;
  std::ranges::sort(sorted);
  const std::int64_t usual = sorted[(sorted.size() - 1) / 2];
  Steps told{.usual_ms = usual};
  for (const std::int64_t step : steps) {
    told.missing += missing_in(step, usual);
    told.longest_s = std::max(told.longest_s, static_cast<double>(step) / 1'000);
  }
  return told;
}

TEST(LoggerLaps, PartsOfTwoLapsAreIncompleteAndTellWhatIsMissing) {
  const auto text =
      games_testing::read_packed(SLIPSTREAM_SOURCE_DIR "/../shared/data", "gr86_barber_r1.csv");
  if (!text) GTEST_SKIP() << "gr86_barber_r1.csv is not in ../shared/data";
  Recording recording{"trd"};
  recording.take_text(*text);
  const Kept kept = laps_of(recording);
  ASSERT_EQ(kept.laps.size(), 2U);
  ASSERT_EQ(kept.activities.size(), 1U);
  EXPECT_EQ(kept.activities.begin()->second.points, 1'021U);

  std::map<int, std::set<std::int64_t>> times_ms;
  for (const std::string& line : games_testing::lines_of(*text)) {
    std::vector<std::string> cells;
    std::istringstream in(line);
    for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
    int y, month, day, hour, minute, second, ms;
    if (cells.size() < 12 || std::sscanf(cells[10].c_str(), "%d-%d-%dT%d:%d:%d.%dZ", &y, &month,
                                         &day, &hour, &minute, &second, &ms) != 7) {
      continue;
    }
    times_ms[std::stoi(cells[1])].insert(
        (((day * 24LL + hour) * 60 + minute) * 60 + second) * 1'000 + ms);
  }
  const Steps second = steps_of({times_ms[2].begin(), times_ms[2].end()});
  const Steps third = steps_of({times_ms[3].begin(), times_ms[3].end()});
  const std::int64_t silence_ms = *times_ms[3].begin() - *times_ms[2].rbegin();
  // It is seen again 3,597 m behind the line: at the speed that it had, it was there all the time.
  const std::uint64_t lost = missing_in(silence_ms, third.usual_ms);
  const double silence_s = static_cast<double>(silence_ms) / 1'000;

  for (const auto& [name, lap] : kept.laps) {
    EXPECT_FALSE(lap.is_complete);
    EXPECT_FALSE(lap.begun_here);
    EXPECT_FALSE(lap.lap_time_s);
    EXPECT_EQ(lap.points, times_ms[lap.lap].size());
    EXPECT_EQ(lap.duplicates, 0U);
    EXPECT_EQ(lap.missing, lap.lap == 2 ? second.missing : third.missing + lost);
    // The silence at the line is both laps'.
    EXPECT_NEAR(lap.longest_gap_s, silence_s, 1e-9);
  }
}

}  // namespace
}  // namespace slipstream
