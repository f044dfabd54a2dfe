// What more cores give: a bare receiver that only counts and the whole server, each on 1, 2, 4 ...
// of the machine's cores, fed by senders on the others. docs/performance.md says how to read it.
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <stdexcept>
#include <vector>

#include "bare_receiver.h"
#include "load.h"
#include "point_texts.h"
#include "report.h"
#include "server_process.h"
#include "trial_size.h"
#include "udp_trial.h"

namespace slipstream::bench {
namespace {

constexpr std::uint32_t kSockets = 16;  // of each sender, so that all receivers get some
constexpr std::size_t kMostCores = 8;   // as many as a source may have receivers

using Cores = std::vector<std::size_t>;

Cores all_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) {
    throw std::runtime_error("the machine does not tell its cores");
  }
  Cores cores;
  for (std::size_t i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) cores.push_back(i);
  }
  return cores;
}

/// Keeps this thread, and each process that it starts, to some cores while it lives.
class Pinned {
 public:
  explicit Pinned(const Cores& cores) : before_(all_cores()) { pin(cores); }
  ~Pinned() { pin(before_); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  static void pin(const Cores& cores) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const std::size_t core : cores) CPU_SET(core, &set);
    sched_setaffinity(0, sizeof set, &set);
  }
  const Cores before_;
};

struct Kind {
  const char* name;
  Packing packing;
};
constexpr Kind kKinds[] = {{"one point a datagram", Packing::kOne},
                           {"segmented bursts (GSO)", Packing::kSegmented}};

struct Row {
  const char* name;
  std::size_t cores;
  std::size_t senders;  ///< processes, each on a core of its own
  Trial bare;
  Trial server;
  double ratio() const {
    return bare.points_per_second > 0 ? server.points_per_second / bare.points_per_second : 0;
  }
};

/// Which cores are whose.
struct Split {
  Cores receiver;
  Cores senders;

  Split(const Cores& all, std::size_t on)
      : receiver(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(on)),
        senders(all.begin() + static_cast<std::ptrdiff_t>(on), all.end()) {}
};

Trial trial(const Split& split, Packing packing, std::uint16_t port, pid_t pid,
            const std::function<std::uint64_t()>& points) {
  const Pinned pinned(split.senders);
  return find_rate({.port = port, .packing = packing, .sockets = kSockets}, split.senders.size(),
                   pid, points);
}

Trial bare_trial(const Split& split, Packing packing) {
  std::optional<Pinned> pinned(split.receiver);
  const BareReceiver bare(Waiting::kNap, split.receiver.size());
  pinned.reset();
  return trial(split, packing, bare.port(), bare.pid(), [&] { return bare.datagrams(); });
}

Trial server_trial(const Split& split, Packing packing) {
  std::optional<Pinned> pinned(split.receiver);
  const ServerProcess server;
  pinned.reset();
  return trial(split, packing, server.udp_port(), server.pid(),
               [&] { return server.metric(R"(slipstream_points_accepted_total{source="udp"})"); });
}

std::vector<Row> run(const Report& report) {
  const Cores all = all_cores();
  std::vector<Row> rows;
  fmt::print("{:26} {:>6} {:>8} {:>12} {:>12} {:>6} {:>10}\n",
             fmt::format("points of {} bytes", point_text(0, 0, true).size()), "cores", "senders",
             "bare /s", "server /s", "ratio", "server us");
  for (const Kind& kind : kKinds) {
    for (std::size_t on = 1; on <= kMostCores; on *= 2) {
      if (on >= all.size()) {
        fmt::print("{:26} {:>6} none of the {} cores is left for a sender\n", kind.name, on,
                   all.size());
        break;
      }
      const Split split(all, on);
      std::vector<Trial> bares;
      std::vector<Trial> servers;
      for (int i = 0; i < report.trials(is_short() ? 1 : static_cast<int>(kTrials)); ++i) {
        bares.push_back(bare_trial(split, kind.packing));
        servers.push_back(server_trial(split, kind.packing));
      }
      const Row& row = rows.emplace_back(kind.name, on, split.senders.size(),
                                         median(std::move(bares)), median(std::move(servers)));
      fmt::print("{:26} {:>6} {:>8} {:>12.0f} {:>12.0f} {:>6.2f} {:>10.2f}{}\n", row.name, on,
                 row.senders, row.bare.points_per_second, row.server.points_per_second, row.ratio(),
                 row.server.cpu_us_per_point,
                 row.server.sender_bound ? "  (bound by the senders)" : "");
    }
    if (is_short()) break;
  }
  return rows;
}

std::string json_of(const std::vector<Row>& rows) {
  std::string json;
  for (const Row& r : rows) {
    json += fmt::format(
        R"({}{{"name":"{}","cores":{},"senders":{},"bare_per_s":{:.0f},"server_per_s":{:.0f},)"
        R"("ratio":{:.3f},"bare_cpu_us":{:.3f},"server_cpu_us":{:.3f},"sender_bound":{}}})",
        json.empty() ? "" : ",", r.name, r.cores, r.senders, r.bare.points_per_second,
        r.server.points_per_second, r.ratio(), r.bare.cpu_us_per_point, r.server.cpu_us_per_point,
        r.server.sender_bound);
  }
  return R"("cores":[)" + json + "]";
}

}  // namespace
}  // namespace slipstream::bench

int main(int argc, char** argv) {
  using namespace slipstream::bench;
  const Report report(argc, argv);
  return report.finish(json_object({json_of(run(report))}));
}
