#include "udp_trial.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "latency_client.h"
#include "server_process.h"
#include "trial_size.h"

namespace slipstream::bench {
namespace {

constexpr double kTrialSeconds = 3;
constexpr double kMicro = 1e6;

}  // namespace

std::uint64_t settled(const std::function<std::uint64_t()>& count) {
  std::uint64_t before = count();
  for (int still = 0; still < 5;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const std::uint64_t now = count();
    still = now == before ? still + 1 : 0;
    before = now;
  }
  return before;
}

Trial find_rate(Packing packing, std::uint16_t port, pid_t pid,
                const std::function<std::uint64_t()>& points_received) {
  return find_rate({.port = port, .packing = packing}, 1, pid, points_received);
}

Trial find_rate(LoadOptions load, std::size_t processes, pid_t pid,
                const std::function<std::uint64_t()>& points_received) {
  constexpr int kAttempts = 14;
  Trial trial;
  double& rate = load.points_per_second;
  load.seconds = trial_seconds(kTrialSeconds);
  for (int attempt = 0; attempt < (is_short() ? 4 : kAttempts); ++attempt) {
    const std::uint64_t before = settled(points_received);
    const double cpu_before = cpu_seconds(pid);
    const LoadResult sent = send_load(load, processes);
    const std::uint64_t received = settled(points_received) - before;
    const double sent_rate = static_cast<double>(sent.points) / sent.seconds;
    if (received == sent.points) {
      trial.points_per_second = sent_rate;
      trial.cpu_us_per_point =
          (cpu_seconds(pid) - cpu_before) * kMicro / static_cast<double>(received);
      trial.peak_bytes = memory_bytes(pid, "VmHWM");
      trial.sender_bound = rate == 0;
      return trial;
    }
    const double received_rate = static_cast<double>(received) / sent.seconds;
    rate = rate == 0 ? std::min(sent_rate * 0.95, received_rate * 1.05) : rate * 0.93;
  }
  return trial;
}

Trial median(std::vector<Trial> trials) {
  Trial middle;
  const auto of = [&](auto member) {
    std::ranges::sort(trials, {}, member);
    return trials[trials.size() / 2].*member;
  };
  middle.points_per_second = of(&Trial::points_per_second);
  middle.cpu_us_per_point = of(&Trial::cpu_us_per_point);
  middle.peak_bytes = of(&Trial::peak_bytes);
  middle.sender_bound = std::ranges::all_of(trials, &Trial::sender_bound);
  return middle;
}

Trial server_trial(Packing packing, const std::map<std::string, std::string>& environment) {
  const ServerProcess server(environment);
  const DrainingClient client(server.port());
  return find_rate(packing, server.udp_port(), server.pid(), [&] {
    return server.metric(R"(slipstream_points_accepted_total{source="udp"})");
  });
}

}  // namespace slipstream::bench
