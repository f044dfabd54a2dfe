// After kill -9 at any instant, every acknowledged point is in exactly one rollup of each window.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <random>
#include <regex>

#include "base/clock.h"
#include "base/iso_time.h"
#include "crash_harness.h"
#include "environment.h"
#include "harness.h"
#include "trouble.h"

namespace slipstream::crash {
namespace {

using harness::eventually;
using harness::http;
using harness::metric;
using harness::TemporaryDirectory;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::uint64_t the_seed() {
  static const std::uint64_t seed =
      harness::from_environment("SLIPSTREAM_CRASH_SEED", std::random_device{}() % 1'000'000);
  return seed;
}

/// Starts a server, kills it a while after, maybe before it serves; as often as told.
void kill_again_and_again(const std::filesystem::path& directory, Senders& senders, int rounds,
                          std::mt19937_64& schedule, bool with_other_layouts, int& served) {
  for (int round = 0; round < rounds; ++round) {
    const auto partitions = with_other_layouts ? 2 + schedule() % 3 : 3;
    ServerProcess server(directory, {fmt::format("PARTITIONS={}", partitions), kSmallBlocks});
    // Every fourth so early that it is mostly starting, or reading the log again.
    const std::uint64_t latest_ms = schedule() % 4 == 0 ? 40 : 400;
    const auto end = std::chrono::steady_clock::now() + milliseconds(5 + schedule() % latest_ms);
    bool serves = false;
    while (std::chrono::steady_clock::now() < end) {
      if (!serves && (serves = server.port() != 0)) {
        senders.send_to(server.port());
        ++served;
      }
      std::this_thread::sleep_for(milliseconds(1));
    }
    server.kill();
    senders.send_to(0);
  }
}

/// As many rounds as are asked for; after some of them, and at the end, a server that nothing
/// happens to takes what the senders still have, and each point is looked for. `some_rounds` does
/// so many; `settings` are of the last server, asked for after them; `told` says what happened.
void expect_nothing_lost_or_doubled(const TemporaryDirectory& directory,
                                    const std::function<void(Senders&, int)>& some_rounds,
                                    const std::function<std::vector<std::string>()>& settings,
                                    const std::function<std::string()>& told) {
  constexpr int kRoundsBetweenChecks = 25;
  fmt::print("SLIPSTREAM_CRASH_SEED={}\n", the_seed());
  Senders senders(the_seed(), BodySizes::kSomeLarge);
  for (auto left = static_cast<int>(harness::from_environment("SLIPSTREAM_CRASH_ROUNDS", 12));
       left > 0; left -= kRoundsBetweenChecks) {
    senders.start();
    some_rounds(senders, std::min(left, kRoundsBetweenChecks));
    ServerProcess server(directory.path(), settings());
    const auto port = server.wait_until_it_serves();
    ASSERT_NE(port, 0) << server.output();
    senders.send_to(port);
    ASSERT_TRUE(senders.finish()) << http(port, "GET", "/api/health").body;
    senders.send_to(0);
    ASSERT_EQ(server.stop(), 0) << server.output();
    const auto points = expect_each_point_once(directory.path(), senders.bodies());
    fmt::print("{}; {} bodies acknowledged, {} points\n", told(), senders.acknowledged(), points);
    ASSERT_FALSE(testing::Test::HasFailure()) << "SLIPSTREAM_CRASH_SEED=" << the_seed();
  }
  EXPECT_GT(senders.acknowledged(), 0u);
  EXPECT_EQ(senders.wrong_answers(), 0u);
}

void expect_nothing_lost_or_doubled(bool with_other_layouts) {
  std::mt19937_64 schedule(the_seed());
  const TemporaryDirectory directory;
  int served = 0;
  expect_nothing_lost_or_doubled(
      directory,
      [&](Senders& senders, int rounds) {
        kill_again_and_again(directory.path(), senders, rounds, schedule, with_other_layouts,
                             served);
      },
      [] { return std::vector<std::string>(); },
      [&] { return fmt::format("{} of the servers so far answered", served); });
}

TEST(Crash, EveryAcknowledgedPointIsInExactlyOneRollupOfEachWindow) {
  expect_nothing_lost_or_doubled(false);
}

TEST(Crash, SoItIsWhenEachStartMayHaveOtherPartitions) {
  expect_nothing_lost_or_doubled(true);
}

TEST(Trouble, ReachesTheServer) {
  if (!interposer::Interposed::is_built()) GTEST_SKIP() << "a sanitizer's own library comes first";
  TemporaryDirectory directory;
  interposer::Interposed interposed(directory.path() / "data");
  ServerProcess server(directory.path(), interposed.environment());
  const auto port = server.wait_until_it_serves();
  ASSERT_NE(port, 0) << server.output();
  const auto ahead = [port] {
    static const std::regex now(R"re("now":"([^"]+)")re");
    const std::string health = http(port, "GET", "/api/health").body;
    std::smatch match;
    const bool is_told = std::regex_search(health, match, now);
    const auto its = is_told ? parse_iso_time(match[1].str()) : std::nullopt;
    return milliseconds((its.value_or(0) - system_clock().now().ns) / kNsPerMs);
  };
  for (const auto offset : {minutes(3), minutes(-2), minutes(0)}) {
    interposed.set_wall_offset(offset);
    EXPECT_LT(std::chrono::abs(ahead() - offset), seconds(30));
  }
  std::uint64_t n = 0;
  const auto post = [&] {
    const SentPoint point{
        .n = ++n, .track = "north", .chassis = "car", .time_ms = 1'600'000'000'000};
    return http(port, "POST", "/api/ingest", body_text({point}, false),
                {{"Content-Type", "application/json"}})
        .status;
  };
  EXPECT_EQ(post(), 200u);
  interposed.set_disk_full(true);
  EXPECT_TRUE(eventually([&] { return post() == 503; })) << "the last block takes some more";
  EXPECT_GT(interposed.refused_for_space(), 0u);
  interposed.set_disk_full(false);
  EXPECT_TRUE(eventually([&] { return post() == 200; }));
  EXPECT_EQ(server.stop(), 0) << server.output();
}

// Sanitizers' builds have the kills and the descriptors alone: nothing is loaded before their own
// library.
TEST(Crash, SoItIsWhileClocksAreSetDisksFillUpAndDescriptorsAreFew) {
  const TemporaryDirectory directory;
  Trouble trouble(directory.path(), the_seed());
  expect_nothing_lost_or_doubled(
      directory,
      [&](Senders& senders, int rounds) {
        for (int i = 0; i < rounds; ++i) trouble.round(senders);
      },
      [&] { return trouble.end(); },
      [&] {
        const Trouble::Told& told = trouble.told();
        return fmt::format(
            "{} rounds, {} of them served: the clock was set {} times, the disk full {} times ({} "
            "calls refused), {} rounds had few descriptors and {} idle connections",
            told.rounds, told.served, told.clock_steps, told.full_disks, told.refused_for_space,
            told.scarce, told.idle_connections);
      });
}

// A key that only the log had is read from there once: by the next start it stands before all
// checkpoints.
TEST(Crash, AKeyIsKnownAfterASecondKill) {
  TemporaryDirectory directory;
  std::vector<SentBody> bodies;
  const auto post = [&](std::uint16_t port, std::uint64_t number) {
    return http(
        port, "POST", "/api/ingest", body_text(bodies[number].points, false),
        {{"Content-Type", "application/json"}, {"Idempotency-Key", fmt::format("key-{}", number)}});
  };
  for (std::uint64_t number = 0; number < 8; ++number) {
    bodies.push_back({.points = {{.n = number,
                                  .w = 9,
                                  .track = "north",
                                  .chassis = "car",
                                  .time_ms = 1'600'000'000'000}},
                      .fate = Fate::kAcknowledged});
    {
      ServerProcess server(directory.path());
      ASSERT_EQ(post(server.wait_until_it_serves(), number).status, 200u);
      server.kill();
    }
    {
      ServerProcess server(directory.path());
      ASSERT_NE(server.wait_until_it_serves(), 0);
      std::this_thread::sleep_for(milliseconds(150));
      server.kill();
    }
    ServerProcess server(directory.path());
    const auto answer = post(server.wait_until_it_serves(), number);
    EXPECT_EQ(answer.status, 200u);
    EXPECT_TRUE(answer.headers.contains("idempotency-replayed"));
    ASSERT_EQ(server.stop(), 0);
  }
  expect_each_point_once(directory.path(), bodies);
}

}  // namespace
}  // namespace slipstream::crash
