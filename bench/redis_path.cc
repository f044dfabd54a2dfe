// A stream's way through the server: entries that are added as fast as Redis takes them, read by a
// group, folded, and committed with their rollups, against a client that does nothing but read and
// acknowledge them.
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <thread>
#include <vector>

#include "redis_clients.h"
#include "report.h"
#include "server_process.h"
#include "trial_size.h"

namespace slipstream::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t kEntries = 1'500'000;
constexpr std::uint64_t kManyEntries = 100'000;
constexpr std::size_t kPointsPerEntry = 50;
constexpr double kMicro = 1e6;
constexpr double kReplacedPerSecond = 1'000;  // what the replaced ingestor was said to do, at most

struct Trial {
  double points_per_second = 0;
  double redis_cpu_us = 0;  ///< a point
  double cpu_us = 0;        ///< likewise, of the client or the server
};

double self_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void wait_for_adder(pid_t adder) {
  int status = 0;
  waitpid(adder, &status, 0);
  if (status != 0) throw std::runtime_error("the adder failed");
}

Trial finish(Clock::time_point begin, std::uint64_t points, double redis_cpu, double cpu) {
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const auto count = static_cast<double>(points);
  return {count / seconds, redis_cpu * kMicro / count, cpu * kMicro / count};
}

/// XREADGROUP with the XACK of the read before in one pipeline.
Trial bare(std::uint64_t entries, std::size_t points_per_entry) {
  const RedisProcess redis;
  BareRedis reader(redis.port());
  reader.call("XGROUP CREATE telemetry.stream bare 0 MKSTREAM");
  const std::string read =
      redis_command("XREADGROUP GROUP bare bare COUNT 1000 BLOCK 100 STREAMS telemetry.stream >");
  const auto begin = Clock::now();
  const double cpu = self_cpu_seconds();
  const pid_t adder =
      start_adder({.port = redis.port(), .entries = entries, .points_per_entry = points_per_entry});
  std::string ids;
  std::string commands = read;
  std::uint64_t taken = 0;
  std::size_t pending = 0;
  while (taken < entries || pending > 0) {
    reader.send(commands);
    if (pending > 0) reader.skip_lines(1);
    ids.clear();
    pending = taken < entries ? reader.read_entries(ids) : 0;
    taken += pending;
    commands.clear();
    if (pending > 0) {
      commands = fmt::format("*{}\r\n$4\r\nXACK\r\n$16\r\ntelemetry.stream\r\n$4\r\nbare\r\n{}",
                             pending + 3, ids);
    }
    if (taken < entries) commands += read;
  }
  const Trial trial =
      finish(begin, entries * points_per_entry, cpu_seconds(redis.pid()), self_cpu_seconds() - cpu);
  wait_for_adder(adder);
  return trial;
}

/// The value behind a name in a reply of names and values, a line each.
std::uint64_t value_behind(const std::string& reply, const std::string& name) {
  const auto at = reply.find("\n" + name + "\n:");
  if (at == std::string::npos) return 0;
  return std::strtoull(reply.c_str() + at + name.size() + 3, nullptr, 10);
}

using Environment = std::map<std::string, std::string>;

Trial whole(std::uint64_t entries, std::size_t points_per_entry, Environment environment) {
  const RedisProcess redis;
  environment["REDIS_URL"] = fmt::format("redis://127.0.0.1:{}", redis.port());
  environment["INGEST_FROM"] = "0";
  const ServerProcess server(environment);
  BareRedis watcher(redis.port());
  const auto groups = [&] { return watcher.call("XINFO GROUPS telemetry.stream"); };
  while (!groups().starts_with("*1")) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const double cpu = cpu_seconds(server.pid());
  const auto begin = Clock::now();
  const pid_t adder =
      start_adder({.port = redis.port(), .entries = entries, .points_per_entry = points_per_entry});
  while (true) {
    const std::string reply = groups();
    if (value_behind(reply, "entries-read") == entries && value_behind(reply, "pending") == 0) {
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const Trial trial = finish(begin, entries * points_per_entry, cpu_seconds(redis.pid()),
                             cpu_seconds(server.pid()) - cpu);
  wait_for_adder(adder);
  const auto accepted = server.metric(R"(slipstream_points_accepted_total{source="redis"})");
  if (accepted != entries * points_per_entry) throw std::runtime_error("points are missing");
  return trial;
}

Trial median(std::vector<Trial> trials) {
  const auto middle = [&](auto member) {
    const auto half = static_cast<std::ptrdiff_t>(trials.size() / 2);
    std::ranges::nth_element(trials, trials.begin() + half, {}, member);
    return trials[trials.size() / 2].*member;
  };
  return {middle(&Trial::points_per_second), middle(&Trial::redis_cpu_us), middle(&Trial::cpu_us)};
}

struct Row {
  std::string name;
  std::uint64_t entries;
  std::size_t points_per_entry;
  Environment environment = {};
  Trial bare = {};
  Trial whole = {};
};

void run(Row& row, int trials) {
  std::vector<Trial> bares;
  std::vector<Trial> wholes;
  for (int t = 0; t < trials; ++t) {
    bares.push_back(bare(row.entries, row.points_per_entry));
    wholes.push_back(whole(row.entries, row.points_per_entry, row.environment));
  }
  row.bare = median(bares);
  row.whole = median(wholes);
  fmt::print("{:<26}{:>14.0f}{:>14.0f}{:>8.2f}{:>12.2f}{:>12.2f}{:>12.2f}{:>12.2f}\n", row.name,
             row.bare.points_per_second, row.whole.points_per_second,
             row.whole.points_per_second / row.bare.points_per_second, row.bare.redis_cpu_us,
             row.whole.redis_cpu_us, row.bare.cpu_us, row.whole.cpu_us);
}

}  // namespace
}  // namespace slipstream::bench

int main(int argc, char** argv) {
  using namespace slipstream::bench;
  const Report report(argc, argv);
  const int trials = report.trials(is_short() ? 1 : 3);
  std::vector<Row> rows = {{"one point an entry", trial_count(kEntries), 1},
                           {"50 points an entry", trial_count(kManyEntries), kPointsPerEntry},
                           {"50, compact rollups",
                            trial_count(kManyEntries),
                            kPointsPerEntry,
                            {{"AGG_FIELDS", "speed_kmh"}, {"AGG_STATISTICS", "avg,max"}}}};
  fmt::print("Redis stream to rollups, committed exactly once; medians of {}\n", trials);
  fmt::print("{:<26}{:>14}{:>14}{:>8}{:>12}{:>12}{:>12}{:>12}\n", "", "bare points/s", "points/s",
             "ratio", "redis us", "redis us", "bare us", "us a point");
  for (auto& row : rows) run(row, trials);
  const double one = rows[0].whole.points_per_second;
  const double many = rows[1].whole.points_per_second;
  fmt::print("\nmany points an entry over one: {:.1f}x, with compact rollups {:.1f}x\n", many / one,
             rows[2].whole.points_per_second / one);
  fmt::print("over the replaced ingestor's 1,000 a second: {:.0f}x and {:.0f}x\n",
             one / kReplacedPerSecond, many / kReplacedPerSecond);
  std::string json;
  for (const auto& r : rows) {
    json += fmt::format(
        R"({}{{"name":"{}","bare_per_s":{:.0f},"server_per_s":{:.0f},"bare_redis_cpu_us":{:.3f},)"
        R"("server_redis_cpu_us":{:.3f},"bare_cpu_us":{:.3f},"server_cpu_us":{:.3f}}})",
        json.empty() ? "" : ",", r.name, r.bare.points_per_second, r.whole.points_per_second,
        r.bare.redis_cpu_us, r.whole.redis_cpu_us, r.bare.cpu_us, r.whole.cpu_us);
  }
  return report.finish("[" + json + "]");
}
