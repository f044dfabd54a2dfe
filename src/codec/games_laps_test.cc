// Points and marks of a race with a flashback, a pit stop, a retirement, losses and a save that was
// loaded say all that its laps follow from: a fold makes the simulator's own table of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include "codec/games_testing.h"

namespace slipstream {
namespace {

using games_testing::datagrams_of;
using games_testing::Decoding;
using games_testing::read_reference;
using games_testing::Told;

constexpr double kRacing = 2;
constexpr double kSameTime = 1e-6;

struct ReferenceLap {
  bool complete = false;
  std::optional<std::int64_t> lap_ms, s1_ms, s2_ms, s3_ms;
  std::optional<bool> valid, pit_in, pit_out;
  bool rewound = false;
  std::size_t kept = 0;
  std::size_t discarded = 0;
  std::vector<std::int64_t> missing;
  bool begins_here = false;
  bool operator==(const ReferenceLap&) const = default;
};

std::ostream& operator<<(std::ostream& out, const ReferenceLap& row) {
  const auto number = [](const std::optional<std::int64_t>& n) { return n.value_or(-1); };
  const auto flag = [](const std::optional<bool>& b) { return b ? int{*b} : -1; };
  out << "complete " << row.complete << " lap " << number(row.lap_ms) << " = " << number(row.s1_ms)
      << " + " << number(row.s2_ms) << " + " << number(row.s3_ms) << " valid " << flag(row.valid)
      << " pit " << flag(row.pit_in) << flag(row.pit_out) << " rewound " << row.rewound << " kept "
      << row.kept << " discarded " << row.discarded << " begins here " << row.begins_here
      << " missing";
  for (const auto id : row.missing) out << ' ' << id;
  return out;
}

/// By session, machine, lap.
using Laps = std::map<std::tuple<std::string, std::string, int>, ReferenceLap>;

std::int64_t ms(double seconds) {
  return std::llround(seconds * 1000);
}

/// A machine in a session: the points that count, and those that a flashback took back.
struct Drive {
  std::vector<Told> kept;
  std::map<int, std::size_t> discarded;
};

class LapFold {
 public:
  Laps fold(const std::vector<games_testing::Item>& items) {
    for (const auto& item : items) {
      if (const auto* mark = std::get_if<Mark>(&item)) {
        take(*mark);
      } else {
        const auto& point = std::get<Told>(item);
        const auto frame = static_cast<std::int64_t>(*point.number("frame"));
        auto& session = sessions_[point.text("session")];
        session.frames[frame] = *point.number("session_time_s");
        session.drives[point.text("chassis")].kept.push_back(point);
      }
    }
    for (auto& [id, session] : sessions_) {
      for (auto& [chassis, drive] : session.drives) fold(id, session, chassis, drive);
    }
    return std::move(laps_);
  }

 private:
  struct Session {
    std::map<std::string, Drive> drives;
    std::map<std::int64_t, double> frames;  ///< that did not get lost, and count
    std::string goes_on_from;
    std::int64_t rewound_at = -1;  ///< the first frame after the flashback
  };

  void take(const Mark& mark) {
    auto& session = sessions_[mark.session];
    if (mark.kind == "save_reload") {
      session.goes_on_from = mark.goes_on_from;
    }
    if (mark.kind != "flashback") return;
    const double to = *mark.to_session_time_s - kSameTime;
    for (auto& [chassis, drive] : session.drives) {
      while (!drive.kept.empty() && *drive.kept.back().number("session_time_s") >= to) {
        const Told& point = drive.kept.back();
        if (*point.number("result_status") == kRacing) {
          ++drive.discarded[static_cast<int>(*point.number("lap"))];
        }
        drive.kept.pop_back();
      }
    }
    // Frames that were taken back stay numbered: none of them is missing.
    std::erase_if(session.frames, [to](const auto& one) { return one.second >= to; });
    session.rewound_at = static_cast<std::int64_t>(*mark.frame);
  }

  void fold(const std::string& id, const Session& session, const std::string& chassis,
            const Drive& drive) {
    const auto row_of = [&](int lap) -> ReferenceLap& { return laps_[{id, chassis, lap}]; };
    for (const auto& [lap, count] : drive.discarded) {
      row_of(lap).discarded = count;
      row_of(lap).rewound = true;
    }
    const Told* before = nullptr;
    for (const Told& point : drive.kept) {
      const int lap = static_cast<int>(*point.number("lap"));
      const bool is_racing = *point.number("result_status") == kRacing;
      if (before != nullptr) {
        const int lap_before = static_cast<int>(*before->number("lap"));
        const bool is_over =
            lap != lap_before || (!is_racing && *point.number("result_status") == 3);
        take_missing(session, *before, point, is_over, row_of(lap_before), row_of(lap));
        if (is_over) close(*before, point, row_of(lap_before));
      }
      if (!is_racing) {
        before = nullptr;
        break;
      }
      ReferenceLap& row = row_of(lap);
      if (before == nullptr || *before->number("lap") != lap) {
        row.begins_here = before != nullptr || *point.number("lapdist_m") < 0;
        row.pit_out = begins_in_pit(session, chassis, point, before != nullptr);
      }
      ++row.kept;
      before = &point;
    }
    for (auto& [key, row] : laps_) {
      if (std::get<0>(key) != id || std::get<1>(key) != chassis || row.complete) continue;
      row.pit_in.reset();
      row.pit_out.reset();
    }
  }

  /// In the pit lane at its beginning, though that was before a save was loaded.
  bool begins_in_pit(const Session& session, const std::string& chassis, const Told& point,
                     bool is_begin) const {
    if (is_begin || session.goes_on_from.empty()) return *point.number("pit_status") > 0;
    for (const Told& earlier : sessions_.at(session.goes_on_from).drives.at(chassis).kept) {
      if (*earlier.number("lap") == *point.number("lap")) return *earlier.number("pit_status") > 0;
    }
    return false;
  }

  /// Frames of which nothing came lie before the line or behind it, by the new lap's clock.
  static void take_missing(const Session& session, const Told& before, const Told& point,
                           bool is_over, ReferenceLap& row_before, ReferenceLap& row) {
    const auto from = static_cast<std::int64_t>(*before.number("frame"));
    const auto to = static_cast<std::int64_t>(*point.number("frame"));
    const double time = *before.number("session_time_s");
    const double step = (*point.number("session_time_s") - time) / static_cast<double>(to - from);
    const double line = *point.number("session_time_s") - *point.number("lap_time_s");
    if (session.rewound_at > from && session.rewound_at <= to) return;
    for (std::int64_t id = from + 1; id < to; ++id) {
      const bool is_before = !is_over || time + step * static_cast<double>(id - from) < line;
      ReferenceLap& owner = is_before ? row_before : row;
      owner.missing.push_back(id);
      ++owner.kept;
    }
  }

  static void close(const Told& before, const Told& point, ReferenceLap& row) {
    row.complete = true;
    row.lap_ms = ms(*point.number("last_lap_s"));
    row.s1_ms = ms(*before.number("sector1_s"));
    row.s2_ms = ms(*before.number("sector2_s"));
    row.s3_ms = *row.lap_ms - *row.s1_ms - *row.s2_ms;
    row.valid = *before.number("lap_invalid") == 0;
    row.pit_in = *before.number("pit_status") > 0;
  }

  std::map<std::string, Session> sessions_;
  Laps laps_;
};

Laps laps_in(const std::string& table) {
  simdjson::dom::parser parser;
  Laps laps;
  for (const auto row : parser.parse(table)["laps"].get_array()) {
    ReferenceLap want;
    const auto number = [&](const char* key) -> std::optional<std::int64_t> {
      if (row[key].is_null()) return std::nullopt;
      return std::int64_t(row[key]);
    };
    const auto flag = [&](const char* key) -> std::optional<bool> {
      if (row[key].is_null()) return std::nullopt;
      return bool(row[key]);
    };
    want.complete = bool(row["complete"]);
    want.lap_ms = number("lap_ms");
    want.s1_ms = number("s1_ms");
    want.s2_ms = number("s2_ms");
    want.s3_ms = number("s3_ms");
    want.valid = flag("valid");
    want.pit_in = flag("pit_in");
    want.pit_out = flag("pit_out");
    want.rewound = bool(row["rewound_by_flashback"]);
    want.kept = static_cast<std::size_t>(std::int64_t(row["frames_kept"]));
    want.discarded = static_cast<std::size_t>(std::int64_t(row["frames_discarded"]));
    for (const auto id : row["lapdata_missing"].get_array()) {
      want.missing.push_back(std::int64_t(id));
    }
    want.begins_here = bool(row["begins_in_this_session"]);
    const std::string_view session = row["session_uid"];
    const std::string_view driver = row["driver"];
    laps[{std::string(session), std::string(driver), static_cast<int>(std::int64_t(row["lap"]))}] =
        want;
  }
  return laps;
}

class RaceCaptures : public testing::TestWithParam<const char*> {};

TEST_P(RaceCaptures, PointsAndMarksGiveTheLapTable) {
  const std::string name = GetParam();
  const auto capture = read_reference(name + ".cap");
  const auto table = read_reference(name + ".laps.json");
  if (!capture || !table) GTEST_SKIP() << "no reference data for " << name;
  Decoding decoding;
  decoding.take_all(datagrams_of(*capture));
  const Laps laps = LapFold().fold(decoding.items());
  const Laps wanted = laps_in(*table);
  for (const auto& [key, want] : wanted) {
    const auto at = laps.find(key);
    ASSERT_TRUE(at != laps.end()) << std::get<1>(key) << " lap " << std::get<2>(key);
    EXPECT_EQ(at->second, want) << std::get<0>(key) << ' ' << std::get<1>(key) << " lap "
                                << std::get<2>(key);
  }
  for (const auto& [key, row] : laps) {
    EXPECT_TRUE(wanted.contains(key)) << std::get<1>(key) << " lap " << std::get<2>(key);
  }
}

TEST_P(RaceCaptures, MarksTellWhatHappenedOnce) {
  const std::string name = GetParam();
  const auto capture = read_reference(name + ".cap");
  if (!capture) GTEST_SKIP() << "no reference data for " << name;
  Decoding decoding;
  decoding.take_all(datagrams_of(*capture));
  std::map<std::string, std::size_t> kinds;
  for (const auto& mark : decoding.marks()) {
    ++kinds[mark.kind];
    EXPECT_FALSE(mark.track.empty()) << mark.kind;
    EXPECT_NE(mark.session, "0") << mark.kind;
  }
  EXPECT_EQ(kinds["flashback"], 1u);
  EXPECT_EQ(kinds["save_reload"], 1u);
  EXPECT_EQ(kinds["session"], 2u);
  EXPECT_EQ(kinds["session_started"], 2u);
  EXPECT_EQ(kinds["retirement"], 1u);
  EXPECT_EQ(kinds["chequered_flag"], 1u);
  EXPECT_EQ(kinds["race_winner"], 1u);
  EXPECT_EQ(kinds["start_lights"], 5u);
}

INSTANTIATE_TEST_SUITE_P(Games, RaceCaptures, testing::Values("f1_2025_race", "f1_2025_race_b"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace slipstream
