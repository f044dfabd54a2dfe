// The UDP path against the machine's own limit, in one run: a bare receiver that only counts, and
// the whole server, fed by the same sender: how much goes through with one WebSocket client, what
// a point costs at each rate, how late it is at a client, what is kept in memory.
// docs/performance.md says how to read it.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "bare_receiver.h"
#include "latency_client.h"
#include "load.h"
#include "point_texts.h"
#include "report.h"
#include "server_process.h"
#include "trial_size.h"
#include "udp_rates.h"
#include "udp_trial.h"

namespace slipstream::bench {
namespace {

struct Row {
  const char* name;
  Packing packing;
  Trial bare;
  Trial whole;
};

std::vector<Row> run_throughput() {
  std::vector<Row> rows = {{"one point a datagram", Packing::kOne, {}, {}},
                           {"eight points a datagram", Packing::kEight, {}, {}},
                           {"segmented bursts (GSO)", Packing::kSegmented, {}, {}}};
  fmt::print("{:26} {:>12} {:>12} {:>6} {:>10} {:>10} {:>9}\n",
             "points of " + std::to_string(point_text(0, 0, true).size()) + " bytes", "bare /s",
             "server /s", "ratio", "bare us", "server us", "peak MiB");
  for (auto& row : rows) {
    const std::uint64_t per_datagram = row.packing == Packing::kEight ? 8 : 1;
    std::vector<Trial> bare_trials;
    std::vector<Trial> whole_trials;
    for (std::size_t trial = 0; trial < kTrials; ++trial) {
      {
        const BareReceiver bare(Waiting::kNap);
        bare_trials.push_back(find_rate(row.packing, bare.port(), bare.pid(),
                                        [&] { return bare.datagrams() * per_datagram; }));
      }
      whole_trials.push_back(server_trial(row.packing));
    }
    row.bare = median(std::move(bare_trials));
    row.whole = median(std::move(whole_trials));
    fmt::print("{:26} {:>12.0f} {:>12.0f} {:>6.2f} {:>10.2f} {:>10.2f} {:>9.0f}{}\n", row.name,
               row.bare.points_per_second, row.whole.points_per_second,
               row.whole.points_per_second / row.bare.points_per_second, row.bare.cpu_us_per_point,
               row.whole.cpu_us_per_point, static_cast<double>(row.whole.peak_bytes) / (1 << 20),
               row.whole.sender_bound ? "  (bound by the sender)" : "");
  }
  return rows;
}

/// How late the machine wakes a thread that sleeps for a millisecond: what no latency here can be
/// below.
class WakeDelay {
 public:
  WakeDelay() : thread_([this] { run(); }) {}
  /// The 99th percentile in milliseconds, once and at the end.
  double finish() {
    stopping_.store(true);
    thread_.join();
    std::ranges::sort(delays_ms_);
    return delays_ms_.empty() ? 0 : delays_ms_[delays_ms_.size() * 99 / 100];
  }

 private:
  void run() {
    using Clock = std::chrono::steady_clock;
    while (!stopping_.load()) {
      const auto begin = Clock::now();
      const timespec nap{0, 1'000'000};
      nanosleep(&nap, nullptr);
      delays_ms_.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count() -
                           1);
    }
  }
  std::atomic<bool> stopping_{false};
  std::vector<double> delays_ms_;
  std::thread thread_;
};

using Environment = std::map<std::string, std::string>;

struct LatencyRow {
  double rate;
  std::size_t clients;
  const char* settings;
  Latency latency;
  double wake_p99_ms;
};

void measure_latency(LatencyRow& row, const Environment& environment) {
  const ServerProcess server(environment);
  std::vector<std::unique_ptr<DrainingClient>> others;
  while (others.size() + 1 < row.clients) {
    others.push_back(std::make_unique<DrainingClient>(server.port()));
  }
  LatencyClient client(server.port());
  while (server.metric("slipstream_ws_clients") < row.clients) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  WakeDelay wake;
  send_load({.port = server.udp_port(),
             .points_per_second = row.rate,
             .seconds = trial_seconds(4),
             .with_time = false});
  row.wake_p99_ms = wake.finish();
  row.latency = client.finish();
}

std::vector<LatencyRow> run_latency() {
  std::vector<LatencyRow> rows;
  fmt::print("\n{:26} {:>8} {:>14} {:>10} {:>10} {:>18}\n", "kernel to client's socket", "clients",
             "settings", "p50 ms", "p99 ms", "machine's wake p99");
  const auto measure = [&](std::size_t clients, const char* settings,
                           const Environment& environment) {
    for (const double rate : {500.0, 5'000.0, 20'000.0}) {
      LatencyRow& row = rows.emplace_back(rate, clients, settings, Latency{}, 0.0);
      measure_latency(row, environment);
      fmt::print("{:>20.0f} /s    {:>8} {:>14} {:>10.2f} {:>10.2f} {:>18.2f}\n", row.rate,
                 row.clients, row.settings, row.latency.p50_ms, row.latency.p99_ms,
                 row.wake_p99_ms);
    }
  };
  measure(1, "default", {});
  measure(32, "default", {});
  // A short run needs no more of the same.
  if (!is_short()) measure(1, "BATCH_MIN_MS=1", {{"BATCH_MIN_MS", "1"}});
  return rows;
}

struct Memory {
  std::uint64_t at_20_s = 0;
  std::uint64_t at_60_s = 0;
};

Memory run_memory() {
  const ServerProcess server;
  const DrainingClient client(server.port());
  Memory memory;
  std::thread sender([&] {
    send_load({.port = server.udp_port(),
               .points_per_second = 100'000,
               .seconds = trial_seconds(61),
               .series = 1'000});
  });
  std::this_thread::sleep_for(std::chrono::duration<double>(trial_seconds(20)));
  memory.at_20_s = memory_bytes(server.pid(), "VmRSS");
  std::this_thread::sleep_for(std::chrono::duration<double>(trial_seconds(40)));
  memory.at_60_s = memory_bytes(server.pid(), "VmRSS");
  sender.join();
  fmt::print(
      "\n100,000 points/s of 1,000 cars: {:.1f} MiB after 20 s, {:.1f} MiB after 60 s ({:+.1f} "
      "%)\n",
      static_cast<double>(memory.at_20_s) / (1 << 20),
      static_cast<double>(memory.at_60_s) / (1 << 20),
      (static_cast<double>(memory.at_60_s) / static_cast<double>(memory.at_20_s) - 1) * 100);
  return memory;
}

std::string json_of(const std::vector<Row>& rows) {
  std::string json;
  for (const auto& r : rows) {
    json += fmt::format(
        R"({}{{"name":"{}","bare_per_s":{:.0f},"server_per_s":{:.0f},"bare_cpu_us":{:.3f},)"
        R"("server_cpu_us":{:.3f},"peak_bytes":{},"sender_bound":{}}})",
        json.empty() ? "" : ",", r.name, r.bare.points_per_second, r.whole.points_per_second,
        r.bare.cpu_us_per_point, r.whole.cpu_us_per_point, r.whole.peak_bytes,
        r.whole.sender_bound);
  }
  return R"("throughput":[)" + json + "]";
}

std::string json_of(const std::vector<LatencyRow>& rows) {
  std::string json;
  for (const auto& r : rows) {
    json +=
        fmt::format(R"({}{{"rate":{},"clients":{},"settings":"{}","p50_ms":{:.3f},"p99_ms":{:.3f},)"
                    R"("wake_p99_ms":{:.3f},"points":{}}})",
                    json.empty() ? "" : ",", r.rate, r.clients, r.settings, r.latency.p50_ms,
                    r.latency.p99_ms, r.wake_p99_ms, r.latency.points);
  }
  return R"("latency":[)" + json + "]";
}

std::string json_of(const Memory& memory) {
  return fmt::format(R"("memory":{{"at_20_s":{},"at_60_s":{}}})", memory.at_20_s, memory.at_60_s);
}

}  // namespace
}  // namespace slipstream::bench

int main(int argc, char** argv) {
  using namespace slipstream::bench;
  const Report report(argc, argv);
  std::string throughput;
  std::string rates;
  std::string latency;
  std::string memory;
  if (report.wants("throughput")) throughput = json_of(run_throughput());
  if (report.wants("rates")) {
    const auto rows = run_rates();
    rates = rates_json(rows, run_idle());
  }
  if (report.wants("latency")) latency = json_of(run_latency());
  if (report.wants("memory")) memory = json_of(run_memory());
  return report.finish(json_object({throughput, rates, latency, memory}));
}
