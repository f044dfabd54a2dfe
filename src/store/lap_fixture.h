#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/store_fixture.h"

namespace slipstream {

/// A store, and laps to put into it.
class StoredLapsTest : public RollupStoreTest {
 protected:
  static ActivityKey key(std::string chassis, std::int64_t first_s, std::string source = "",
                         std::string track = "spa") {
    return {.track = std::move(track),
            .chassis = std::move(chassis),
            .source_session = std::move(source),
            .first = {first_s * kNsPerSecond}};
  }
  static Activity activity(ActivityKey key, std::int64_t ended_s) {
    const EventTime began = key.first;
    return {
        .key = std::move(key), .began = began, .ended = {ended_s * kNsPerSecond}, .points = 100};
  }
  /// A minute and a half and `more_s`, complete.
  static Lap lap(ActivityKey key, std::int32_t number, std::int64_t began_s, double more_s = 0) {
    return {.activity = std::move(key),
            .lap = number,
            .revision = 1,
            .began = {began_s * kNsPerSecond},
            .ended = {(began_s + 90) * kNsPerSecond},
            .begun_here = true,
            .is_complete = true,
            .lap_time_s = 90 + more_s,
            .sector_times_s = {30.5, std::nullopt, 29.25},
            .is_valid = true,
            .compound = "soft",
            .points = 1'500,
            .longest_gap_s = 0.25,
            .max_speed_kmh = 231.5,
            .channels = {"rpm", "speed_kmh"}};
  }
  static Lap revised(Lap lap, std::uint32_t revision) {
    lap.revision = revision;
    return lap;
  }

  /// What it gives to be passed on.
  static std::vector<StoredLap> put(RollupStore& store, std::vector<Activity> activities,
                                    const std::vector<Lap>& laps = {}) {
    Commit commit;
    commit.laps.activities = std::move(activities);
    for (const auto& one : laps) commit.laps.laps.push_back(std::make_shared<const Lap>(one));
    std::vector<StoredLap> closed;
    const auto done = store.commit(commit, nullptr, &closed);
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    return closed;
  }
  static std::vector<StoredLap> all(const RollupStore& store, LapQuery query = {}) {
    if (query.limit == 100) query.limit = 1'000;
    auto page = store.query_laps(query);
    EXPECT_TRUE(page) << (page ? "" : page.error().message);
    return page ? std::move(page->laps) : std::vector<StoredLap>{};
  }
  static std::vector<std::string> ids(const std::vector<StoredLap>& laps) {
    std::vector<std::string> ids;
    for (const auto& one : laps) ids.push_back(one.id);
    return ids;
  }
  static std::vector<StoredSession> sessions(const RollupStore& store, SessionQuery query = {}) {
    auto found = store.query_sessions(query);
    EXPECT_TRUE(found) << (found ? "" : found.error().message);
    return found ? std::move(*found) : std::vector<StoredSession>{};
  }
};

}  // namespace slipstream
