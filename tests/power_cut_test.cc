// The machine's power goes: what a disk may be left with is made of what a real server wrote and
// synced, and a server is started on that. Everything acknowledged as on the disk is there, nothing
// twice, and SQLite and the log agree.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "crash_harness.h"
#include "environment.h"
#include "harness.h"
#include "interposer/disk.h"
#include "log/segment.h"
#include "store/sqlite.h"

namespace slipstream::crash {
namespace {

using harness::http;
using harness::HttpAnswer;
using harness::TemporaryDirectory;
using interposer::Disk;
using interposer::Event;
using interposer::EventKind;
using interposer::Interposed;
using std::chrono::milliseconds;

constexpr std::size_t kCutsPerRecording = 20;
constexpr int kLives = 3;  ///< of the server, each but the last ended by a kill

/// What a server did to its disk, and what its clients heard meanwhile.
struct Recording {
  std::vector<Event> events;
  std::vector<std::uint64_t> stamps;  ///< by event: how many were recorded when it was
  std::vector<SentBody> bodies;
};

void add(Recording& recording, std::vector<Event> events, Disk& disk, bool is_recorded) {
  std::uint64_t stamp = recording.stamps.empty() ? 0 : recording.stamps.back();
  for (Event& event : events) {
    if (is_recorded) ++stamp;
    disk.apply(event);
    recording.events.push_back(std::move(event));
    recording.stamps.push_back(stamp);
  }
}

Recording record(std::uint64_t seed) {
  TemporaryDirectory directory;
  const auto data = directory.path() / "data";
  Interposed interposed(data);
  std::mt19937_64 random(seed);
  Recording recording;
  Disk disk;
  Senders senders(seed);
  senders.stamp_by([&interposed] { return interposed.events(); });
  senders.start();
  for (int life = 0; life < kLives; ++life) {
    const auto file = directory.path() / fmt::format("recording-{}", life);
    {
      ServerProcess server(directory.path(), interposed.environment(file));
      const auto port = server.wait_until_it_serves();
      EXPECT_NE(port, 0) << server.output();
      senders.send_to(port);
      std::this_thread::sleep_for(milliseconds(150 + random() % 700));
      const bool is_last = life + 1 == kLives;
      if (is_last) {
        EXPECT_TRUE(senders.finish());
        EXPECT_EQ(server.stop(), 0) << server.output();
      } else {
        server.kill();
      }
      senders.send_to(0);
      auto events = interposer::read_events(file);
      // A kill may come between an event's being written and its being counted.
      const std::uint64_t before = recording.stamps.empty() ? 0 : recording.stamps.back();
      events.resize(std::min<std::size_t>(events.size(), interposed.events() - before));
      add(recording, std::move(events), disk, true);
      auto missing = disk.missing(data);
      if (is_last) {
        EXPECT_EQ(missing.size(), 0u) << "the recording is not all that was written";
      }
      add(recording, std::move(missing), disk, false);
    }
  }
  EXPECT_EQ(recording.stamps.back(), interposed.events());
  recording.bodies = senders.bodies();
  return recording;
}

/// Every other beside a sync or a change of names, where it matters most.
std::vector<std::size_t> choose_cuts(const Recording& recording, std::size_t count,
                                     std::mt19937_64& random) {
  std::vector<std::size_t> turns;
  for (std::size_t i = 0; i < recording.events.size(); ++i) {
    const EventKind kind = recording.events[i].kind;
    if (kind != EventKind::kWrite && kind != EventKind::kOpen) turns.push_back(i);
  }
  std::vector<std::size_t> cuts;
  for (std::size_t i = 0; i < count; ++i) {
    cuts.push_back(i % 2 == 0 ? 1 + random() % recording.events.size()
                              : turns[random() % turns.size()] + random() % 2);
  }
  std::ranges::sort(cuts);
  return cuts;
}

/// What of the bodies was known when `stamp` events were recorded; sends again what has a key, as
/// its client would.
std::vector<SentBody> bodies_after(const Recording& recording, std::uint64_t stamp,
                                   std::uint16_t port, std::uint64_t& replayed) {
  std::vector<SentBody> bodies;
  for (SentBody body : recording.bodies) {
    if (body.begun_at > stamp) continue;
    const bool was_answered = body.answered_at <= stamp;
    if (!was_answered) body.fate = Fate::kUnknown;
    if (!body.key.empty()) {
      const HttpAnswer answer =
          http(port, "POST", "/api/ingest", body_text(body.points, false),
               {{"Content-Type", "application/json"}, {"Idempotency-Key", body.key}});
      EXPECT_EQ(answer.status, 200u) << answer.body;
      const bool is_known = answer.headers.contains("idempotency-replayed");
      EXPECT_TRUE(is_known || !was_answered) << body.key << " was acknowledged and is forgotten";
      replayed += is_known ? 1 : 0;
      body.fate = Fate::kAcknowledged;
    }
    bodies.push_back(std::move(body));
  }
  return bodies;
}

void expect_sound_store(const std::filesystem::path& directory) {
  auto database =
      Database::open((directory / "data" / "slipstream.db").string(), SQLITE_OPEN_READONLY);
  ASSERT_TRUE(database.has_value());
  auto check = database->prepare("PRAGMA integrity_check");
  ASSERT_TRUE(check.has_value());
  ASSERT_TRUE(check->step().value_or(false));
  EXPECT_EQ(check->text(0), "ok");
}

std::uint64_t expect_nothing_lost(const Recording& recording, const Disk& disk, std::uint64_t stamp,
                                  std::mt19937_64& random) {
  TemporaryDirectory directory;
  disk.leave(directory.path(), random);
  std::uint64_t replayed = 0;
  ServerProcess server(directory.path());
  const auto port = server.wait_until_it_serves();
  EXPECT_NE(port, 0) << server.output();
  if (port == 0) return 0;
  const auto bodies = bodies_after(recording, stamp, port, replayed);
  EXPECT_EQ(server.stop(), 0) << server.output();
  EXPECT_EQ(server.output().find(kLostEnd), std::string::npos)
      << "the store knows of more than the log holds: " << server.output();
  expect_sound_store(directory.path());
  return expect_each_point_once(directory.path(), bodies);
}

TEST(PowerCut, NothingAcknowledgedIsLostAndNothingIsTwice) {
  if (!Interposed::is_built()) GTEST_SKIP() << "no library is loaded before a sanitizer's own";
  const std::uint64_t seed =
      harness::from_environment("SLIPSTREAM_POWER_SEED", std::random_device{}() % 1'000'000);
  const std::uint64_t cuts = harness::from_environment("SLIPSTREAM_POWER_CUTS", 12);
  std::mt19937_64 random(seed);
  fmt::print("SLIPSTREAM_POWER_SEED={}\n", seed);
  for (std::uint64_t done = 0; done < cuts;) {
    const Recording recording = record(random());
    ASSERT_FALSE(testing::Test::HasFailure());
    const auto count = std::min<std::uint64_t>(kCutsPerRecording, cuts - done);
    Disk disk;
    std::size_t at = 0;
    std::uint64_t points = 0;
    for (const std::size_t cut : choose_cuts(recording, count, random)) {
      while (at < cut) disk.apply(recording.events[at++]);
      points += expect_nothing_lost(recording, disk, recording.stamps[cut - 1], random);
      ASSERT_FALSE(testing::Test::HasFailure())
          << fmt::format("SLIPSTREAM_POWER_SEED={}, the cut behind event {} of {}", seed, cut,
                         recording.events.size());
    }
    done += count;
    fmt::print("{} cuts, the last {} in {} events of {} bodies; {} points were in the stores\n",
               done, count, recording.events.size(), recording.bodies.size(), points);
  }
}

}  // namespace
}  // namespace slipstream::crash
