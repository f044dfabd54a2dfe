// The fan-out to WebSocket clients against the machine's own limit, in one run: a bare thread that
// writes framed bytes to sockets, and the hub with its connections, read by the same clients.
// docs/performance.md says how to read it.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <vector>

#include "fanout_trial.h"
#include "latency_client.h"
#include "load.h"
#include "report.h"
#include "server_process.h"
#include "trial_size.h"

namespace slipstream::bench {
namespace {

constexpr std::size_t kTrials = 3;

FanoutTrial median(std::vector<FanoutTrial> trials) {
  std::ranges::sort(trials, {}, &FanoutTrial::sends_per_second);
  return trials[trials.size() / 2];
}

struct SendRow {
  std::size_t clients;
  std::size_t bytes;
  std::size_t together;
  FanoutTrial bare;
  FanoutTrial hub;
  FanoutTrial npm;
};

std::vector<SendRow> run_sends(double seconds) {
  std::vector<SendRow> rows = {{1, 200, 1, {}, {}, {}},      {100, 200, 1, {}, {}, {}},
                               {1'000, 200, 1, {}, {}, {}},  {1, 10'000, 1, {}, {}, {}},
                               {100, 10'000, 1, {}, {}, {}}, {1'000, 10'000, 1, {}, {}, {}},
                               {100, 200, 10, {}, {}, {}}};
  fmt::print("{:>8} {:>8} {:>9} {:>12} {:>12} {:>6} {:>9} {:>9} {:>8} {:>12} {:>9}\n", "clients",
             "bytes", "together", "bare /s", "hub /s", "ratio", "bare us", "hub us", "GB/s",
             "npm ws /s", "npm us");
  for (auto& row : rows) {
    const auto message = fanout_message(row.bytes);
    std::vector<FanoutTrial> bare;
    std::vector<FanoutTrial> hub;
    for (std::size_t i = 0; i < kTrials; ++i) {
      bare.push_back(bare_fanout(row.clients, message, row.together, seconds));
      hub.push_back(hub_fanout(row.clients, message, row.together, seconds));
    }
    row.bare = median(std::move(bare));
    row.hub = median(std::move(hub));
    if (row.together == 1) row.npm = npm_fanout(row.clients, message, seconds);
    fmt::print(
        "{:>8} {:>8} {:>9} {:>12.0f} {:>12.0f} {:>6.2f} {:>9.2f} {:>9.2f} {:>8.2f} {:>12.0f} "
        "{:>9.2f}\n",
        row.clients, row.bytes, row.together, row.bare.sends_per_second, row.hub.sends_per_second,
        row.hub.sends_per_second / row.bare.sends_per_second, row.bare.cpu_us, row.hub.cpu_us,
        row.hub.sends_per_second * static_cast<double>(row.bytes) * 1e-9, row.npm.sends_per_second,
        row.npm.cpu_us);
  }
  return rows;
}

struct DeflateRow {
  std::size_t clients;
  DeflateTrial trial;
};

std::vector<DeflateRow> run_deflate(double seconds) {
  std::vector<DeflateRow> rows;
  fmt::print("\n{:>8} {:>22} {:>12} {:>6} {:>22} {:>12}\n", "clients", "deflate us a message",
             "zlib alone", "ratio", "all CPU us a message", "wire share");
  for (const std::size_t clients : {1, 100, 1'000}) {
    rows.push_back({clients, deflate_fanout(clients, fanout_message(10'000), seconds)});
    const auto& t = rows.back().trial;
    fmt::print("{:>8} {:>22.1f} {:>12.1f} {:>6.2f} {:>22.1f} {:>12.2f}\n", clients, t.deflate_us,
               t.bare_us, t.deflate_us / t.bare_us, t.total_us, t.wire_share);
  }
  return rows;
}

std::pair<StalledTrial, StalledTrial> run_stalled(double seconds) {
  const std::pair<StalledTrial, StalledTrial> both = {stalled_fanout(1'000, false, seconds),
                                                      stalled_fanout(1'000, true, seconds)};
  fmt::print("\n1,000 clients, 50 messages of 8 KB a second, to the others:\n");
  for (const auto* t : {&both.first, &both.second}) {
    fmt::print("  {}: p50 {:.2f} ms, p99 {:.2f} ms; unsent to it {} bytes, memory +{:.1f} MiB\n",
               t == &both.first ? "all read      " : "one reads not ", t->p50_ms, t->p99_ms,
               t->unsent_bytes, static_cast<double>(t->memory_bytes) / (1 << 20));
  }
  return both;
}

struct LatencyRow {
  double rate;
  Latency latency;
};

std::vector<LatencyRow> run_latency() {
  std::vector<LatencyRow> rows;
  fmt::print(
      "\n{:>10} {:>10} {:>10}   (from the kernel's receipt of a point to a client's socket)\n",
      "points/s", "p50 ms", "p99 ms");
  for (const double rate : {1'000.0, 10'000.0, 100'000.0}) {
    const ServerProcess server;
    LatencyClient client(server.port());
    send_load({.port = server.udp_port(),
               .points_per_second = rate,
               .seconds = trial_seconds(3),
               .with_time = false});
    rows.push_back({rate, client.finish()});
    fmt::print("{:>10.0f} {:>10.2f} {:>10.2f}\n", rate, rows.back().latency.p50_ms,
               rows.back().latency.p99_ms);
  }
  return rows;
}

std::string json_of(const std::vector<SendRow>& rows) {
  std::string json;
  for (const auto& r : rows) {
    json += fmt::format(
        R"({}{{"clients":{},"bytes":{},"together":{},"bare_per_s":{:.0f},"hub_per_s":{:.0f},)"
        R"("npm_per_s":{:.0f},"bare_cpu_us":{:.3f},"hub_cpu_us":{:.3f},"npm_cpu_us":{:.3f}}})",
        json.empty() ? "" : ",", r.clients, r.bytes, r.together, r.bare.sends_per_second,
        r.hub.sends_per_second, r.npm.sends_per_second, r.bare.cpu_us, r.hub.cpu_us, r.npm.cpu_us);
  }
  return R"("sends":[)" + json + "]";
}

std::string json_of(const std::vector<DeflateRow>& rows) {
  std::string json;
  for (const auto& r : rows) {
    json += fmt::format(
        R"({}{{"clients":{},"deflate_us":{:.2f},"zlib_us":{:.2f},"total_us":{:.2f},"wire":{:.3f}}})",
        json.empty() ? "" : ",", r.clients, r.trial.deflate_us, r.trial.bare_us, r.trial.total_us,
        r.trial.wire_share);
  }
  return R"("deflate":[)" + json + "]";
}

std::string json_of(const std::pair<StalledTrial, StalledTrial>& stalled) {
  return fmt::format(
      R"("stalled":{{"p99_ms_without":{:.3f},"p99_ms_with":{:.3f},"unsent_bytes":{},)"
      R"("memory_bytes_without":{},"memory_bytes_with":{}}})",
      stalled.first.p99_ms, stalled.second.p99_ms, stalled.second.unsent_bytes,
      stalled.first.memory_bytes, stalled.second.memory_bytes);
}

std::string json_of(const std::vector<LatencyRow>& rows) {
  std::string json;
  for (const auto& r : rows) {
    json += fmt::format(R"({}{{"rate":{},"p50_ms":{:.3f},"p99_ms":{:.3f},"points":{}}})",
                        json.empty() ? "" : ",", r.rate, r.latency.p50_ms, r.latency.p99_ms,
                        r.latency.points);
  }
  return R"("latency":[)" + json + "]";
}

}  // namespace
}  // namespace slipstream::bench

int main(int argc, char** argv) {
  using namespace slipstream::bench;
  const Report report(argc, argv);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  std::string sends;
  std::string deflate;
  std::string stalled;
  std::string latency;
  if (report.wants("sends")) sends = json_of(run_sends(trial_seconds(1.5)));
  if (report.wants("deflate")) deflate = json_of(run_deflate(trial_seconds(1.5)));
  if (report.wants("stalled")) stalled = json_of(run_stalled(trial_seconds(10)));
  if (report.wants("latency")) latency = json_of(run_latency());
  return report.finish(json_object({sends, deflate, stalled, latency}));
}
