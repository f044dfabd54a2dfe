#include "udp_rates.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "bare_receiver.h"
#include "load.h"
#include "point_texts.h"
#include "server_process.h"
#include "trial_size.h"
#include "udp_trial.h"

namespace slipstream::bench {
namespace {

constexpr double kRates[] = {500, 20'000, 100'000, 200'000};
constexpr double kWarmSeconds = 1;  // so that cars, windows and buffers are there
constexpr double kSeconds = 4;
constexpr double kIdleSettleSeconds = 6;  // what follows a start is over by then
constexpr double kIdleSeconds = 10;
constexpr double kMicro = 1e6;

const std::map<std::string, std::string> kDefaults = {{"METRICS_INTERVAL", "60"}};

void sleep_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

struct Receiver {
  std::uint16_t port;
  pid_t pid;
  std::function<std::uint64_t()> points;
  std::function<std::uint64_t()> kernel_drops;
};

/// Nothing is asked of the receiver while its CPU time counts, and for a moment before and after:
/// what is under way is finished in that moment, and pages of /metrics are no part of the cost.
RateTrial rate_trial(double rate, const Receiver& receiver) {
  constexpr double kMoment = 0.25;
  LoadOptions load{
      .port = receiver.port, .points_per_second = rate, .seconds = trial_seconds(kWarmSeconds)};
  send_load(load);
  const std::uint64_t points = settled(receiver.points);
  const std::uint64_t drops = receiver.kernel_drops();
  sleep_seconds(kMoment);
  const double cpu = cpu_seconds(receiver.pid);
  const std::uint64_t switches = voluntary_switches(receiver.pid);
  load.seconds = trial_seconds(kSeconds);
  const LoadResult sent = send_load(load);
  const std::uint64_t woken = voluntary_switches(receiver.pid) - switches;
  sleep_seconds(kMoment);
  const double used = cpu_seconds(receiver.pid) - cpu;
  const auto all = static_cast<double>(sent.points);
  const auto taken = static_cast<double>(settled(receiver.points) - points);
  return {.cpu_us_per_point = used * kMicro / std::max(taken, 1.0),
          .lost_share = 1 - taken / all,
          .kernel_drops_share = static_cast<double>(receiver.kernel_drops() - drops) / all,
          .wakes_per_second = static_cast<double>(woken) / sent.seconds,
          .sent_per_second = all / sent.seconds,
          .memory_bytes = memory_bytes(receiver.pid, "VmRSS")};
}

RateTrial bare_trial(double rate) {
  const BareReceiver bare(Waiting::kBlock);
  return rate_trial(rate, {.port = bare.port(),
                           .pid = bare.pid(),
                           .points = [&] { return bare.datagrams(); },
                           .kernel_drops = [] { return std::uint64_t{0}; }});
}

RateTrial server_trial(double rate) {
  const ServerProcess server(kDefaults);
  return rate_trial(
      rate,
      {.port = server.udp_port(),
       .pid = server.pid(),
       .points = [&] { return server.metric(R"(slipstream_points_accepted_total{source="udp"})"); },
       .kernel_drops = [&] { return server.metric("slipstream_udp_kernel_drops_total"); }});
}

RateTrial middle(std::vector<RateTrial> trials) {
  RateTrial result;
  const auto count = static_cast<double>(trials.size());
  for (const auto& t : trials) {
    result.lost_share += t.lost_share / count;
    result.kernel_drops_share += t.kernel_drops_share / count;
  }
  const auto median = [&](auto member) {
    std::ranges::sort(trials, {}, member);
    result.*member = trials[trials.size() / 2].*member;
  };
  median(&RateTrial::cpu_us_per_point);
  median(&RateTrial::wakes_per_second);
  median(&RateTrial::sent_per_second);
  median(&RateTrial::memory_bytes);
  return result;
}

double mib(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

std::string trial_json(const RateTrial& t) {
  return fmt::format(R"({{"cpu_us":{:.3f},"lost_share":{:.6f},"kernel_drops_share":{:.6f},)"
                     R"("wakes_per_s":{:.1f},"sent_per_s":{:.0f},"memory_bytes":{}}})",
                     t.cpu_us_per_point, t.lost_share, t.kernel_drops_share, t.wakes_per_second,
                     t.sent_per_second, t.memory_bytes);
}

}  // namespace

std::vector<RateRow> run_rates() {
  fmt::print("\n{:26} {:>10} {:>10} {:>6} {:>11} {:>11} {:>10} {:>10} {:>10}\n",
             fmt::format("evenly, {} bytes each", point_text(0, 0, true).size()), "bare us",
             "server us", "ratio", "bare lost", "server lost", "bare wakes", "wakes /s",
             "server MiB");
  std::vector<RateRow> rows;
  for (const double rate : kRates) {
    std::vector<RateTrial> bares;
    std::vector<RateTrial> servers;
    for (std::size_t trial = 0; trial < (is_short() ? 1 : kTrials); ++trial) {
      bares.push_back(bare_trial(rate));
      servers.push_back(server_trial(rate));
    }
    const auto& row = rows.emplace_back(rate, middle(std::move(bares)), middle(std::move(servers)));
    const bool slow = std::min(row.bare.sent_per_second, row.server.sent_per_second) < 0.98 * rate;
    fmt::print(
        "{:>20.0f} /s    {:>10.2f} {:>10.2f} {:>6.2f} {:>9.3f} % {:>9.3f} % {:>10.0f} "
        "{:>10.0f} {:>10.1f}{}\n",
        rate, row.bare.cpu_us_per_point, row.server.cpu_us_per_point,
        row.server.cpu_us_per_point / row.bare.cpu_us_per_point, row.bare.lost_share * 100,
        row.server.lost_share * 100, row.bare.wakes_per_second, row.server.wakes_per_second,
        mib(row.server.memory_bytes), slow ? "  (the sender was slower)" : "");
  }
  return rows;
}

IdleTrial run_idle() {
  const ServerProcess server(kDefaults);
  sleep_seconds(trial_seconds(kIdleSettleSeconds));
  const double cpu = cpu_seconds(server.pid());
  const std::uint64_t switches = voluntary_switches(server.pid());
  const auto begin = std::chrono::steady_clock::now();
  sleep_seconds(trial_seconds(kIdleSeconds));
  const double used = cpu_seconds(server.pid()) - cpu;
  const auto woken = static_cast<double>(voluntary_switches(server.pid()) - switches);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const IdleTrial idle{.cpu_share = used / seconds, .wakes_per_second = woken / seconds};
  fmt::print("idle: {:.3f} % of a core, {:.1f} wakes a second\n", idle.cpu_share * 100,
             idle.wakes_per_second);
  return idle;
}

std::string rates_json(const std::vector<RateRow>& rows, const IdleTrial& idle) {
  std::string json;
  for (const auto& row : rows) {
    json +=
        fmt::format(R"({}{{"rate":{:.0f},"bare":{},"server":{},"ratio":{:.3f}}})",
                    json.empty() ? "" : ",", row.rate, trial_json(row.bare), trial_json(row.server),
                    row.server.cpu_us_per_point / row.bare.cpu_us_per_point);
  }
  return fmt::format(R"("rates":[{}],"idle":{{"cpu_share":{:.6f},"wakes_per_s":{:.1f}}})", json,
                     idle.cpu_share, idle.wakes_per_second);
}

}  // namespace slipstream::bench
