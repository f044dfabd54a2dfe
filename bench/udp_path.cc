// The UDP path against the machine's own limit, in one run: a bare receiver that only counts, and
// the whole server with one WebSocket client, fed by the same sender. docs/performance.md says how
// to read it.
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <new>
#include <thread>

#include "latency_client.h"
#include "load.h"
#include "point_texts.h"
#include "server_process.h"
#include "trial_size.h"
#include "udp_trial.h"

namespace slipstream::bench {
namespace {

/// recvmmsg and UDP_GRO into 64 KB buffers, naps of 250 us: the advice for the receive path, and no
/// more.
class BareReceiver {
 public:
  BareReceiver() {
    shared_ = new (mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                        -1, 0)) Shared;
    fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    const int buffer = 32 << 20;
    setsockopt(fd_, SOL_UDP, UDP_GRO, &on, sizeof on);
    if (setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0) {
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    }
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    pid_ = fork();
    if (pid_ == 0) receive();
  }
  ~BareReceiver() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(fd_);
    munmap(shared_, sizeof(Shared));
  }
  std::uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }
  std::uint64_t datagrams() const { return shared_->datagrams.load(); }

 private:
  struct Shared {
    std::atomic<std::uint64_t> datagrams{0};
  };

  [[noreturn]] void receive() {
    constexpr std::size_t kMessages = 64;
    constexpr std::size_t kBuffer = 65'536;
    const auto buffers = std::make_unique<char[]>(kMessages * kBuffer);
    const auto controls = std::make_unique<char[]>(kMessages * 64);
    mmsghdr messages[kMessages] = {};
    iovec vectors[kMessages];
    for (std::size_t i = 0; i < kMessages; ++i) {
      vectors[i] = {buffers.get() + i * kBuffer, kBuffer};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_control = controls.get() + i * 64;
    }
    while (true) {
      for (auto& m : messages) m.msg_hdr.msg_controllen = 64;
      const int received = recvmmsg(fd_, messages, kMessages, MSG_DONTWAIT, nullptr);
      if (received <= 0) {
        const timespec nap{0, 250'000};
        nanosleep(&nap, nullptr);
        continue;
      }
      std::uint64_t count = 0;
      for (int i = 0; i < received; ++i) count += datagrams_of(messages[i]);
      shared_->datagrams.fetch_add(count);
    }
  }

  static std::uint64_t datagrams_of(mmsghdr& message) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message.msg_hdr); c != nullptr;
         c = CMSG_NXTHDR(&message.msg_hdr, c)) {
      if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO) continue;
      int segment = 0;
      std::memcpy(&segment, CMSG_DATA(c), sizeof segment);
      return (message.msg_len + static_cast<unsigned>(segment) - 1) /
             static_cast<unsigned>(segment);
    }
    return 1;
  }

  Shared* shared_;
  int fd_;
  std::uint16_t port_;
  pid_t pid_;
};

struct Row {
  const char* name;
  Packing packing;
  Trial bare;
  Trial whole;
};

void run_throughput(std::vector<Row>& rows) {
  fmt::print("{:26} {:>12} {:>12} {:>6} {:>10} {:>10} {:>9}\n",
             "points of " + std::to_string(point_text(0, 0, true).size()) + " bytes", "bare /s",
             "server /s", "ratio", "bare us", "server us", "peak MiB");
  for (auto& row : rows) {
    const std::uint64_t per_datagram = row.packing == Packing::kEight ? 8 : 1;
    std::vector<Trial> bare_trials;
    std::vector<Trial> whole_trials;
    for (std::size_t trial = 0; trial < kTrials; ++trial) {
      {
        BareReceiver bare;
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

struct LatencyRow {
  double rate;
  std::string batch_min_ms;
  double p50_ms;
  double p99_ms;
  double wake_p99_ms;
  std::size_t points;
};

std::vector<LatencyRow> run_latency() {
  std::vector<LatencyRow> rows;
  fmt::print("\n{:26} {:>12} {:>10} {:>10} {:>18}\n", "kernel to client's socket", "BATCH_MIN_MS",
             "p50 ms", "p99 ms", "machine's wake p99");
  for (const char* batch_min_ms : {"5", "1"}) {
    for (const double rate : {500.0, 5'000.0, 20'000.0}) {
      const ServerProcess server(
          std::map<std::string, std::string>{{"BATCH_MIN_MS", batch_min_ms}});
      LatencyClient client(server.port());
      WakeDelay wake;
      send_load({.port = server.udp_port(),
                 .points_per_second = rate,
                 .seconds = trial_seconds(4),
                 .with_time = false});
      const double wake_p99_ms = wake.finish();
      const auto latency = client.finish();
      rows.push_back(
          {rate, batch_min_ms, latency.p50_ms, latency.p99_ms, wake_p99_ms, latency.points});
      fmt::print("{:>20.0f} /s    {:>12} {:>10.2f} {:>10.2f} {:>18.2f}\n", rate, batch_min_ms,
                 latency.p50_ms, latency.p99_ms, wake_p99_ms);
    }
  }
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

void write_json(const std::string& file, const std::vector<Row>& rows,
                const std::vector<LatencyRow>& latencies, const Memory& memory) {
  std::ofstream out(file);
  out << "{\"throughput\":[";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& r = rows[i];
    out << fmt::format(
        R"({}{{"name":"{}","bare_per_s":{:.0f},"server_per_s":{:.0f},"bare_cpu_us":{:.3f},)"
        R"("server_cpu_us":{:.3f},"peak_bytes":{},"sender_bound":{}}})",
        i == 0 ? "" : ",", r.name, r.bare.points_per_second, r.whole.points_per_second,
        r.bare.cpu_us_per_point, r.whole.cpu_us_per_point, r.whole.peak_bytes,
        r.whole.sender_bound);
  }
  out << "],\"latency\":[";
  for (std::size_t i = 0; i < latencies.size(); ++i) {
    const auto& l = latencies[i];
    out << fmt::format(
        R"({}{{"rate":{},"batch_min_ms":{},"p50_ms":{:.3f},"p99_ms":{:.3f},"wake_p99_ms":{:.3f},)"
        R"("points":{}}})",
        i == 0 ? "" : ",", l.rate, l.batch_min_ms, l.p50_ms, l.p99_ms, l.wake_p99_ms, l.points);
  }
  out << fmt::format(R"(],"memory":{{"at_20_s":{},"at_60_s":{}}}}})", memory.at_20_s,
                     memory.at_60_s)
      << "\n";
}

}  // namespace
}  // namespace slipstream::bench

int main(int argc, char** argv) {
  using namespace slipstream::bench;
  std::string json;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--json" && i + 1 < argc) {
      json = argv[++i];
    } else {
      only = argv[i];
    }
  }
  std::vector<Row> rows = {{"one point a datagram", Packing::kOne, {}, {}},
                           {"eight points a datagram", Packing::kEight, {}, {}},
                           {"segmented bursts (GSO)", Packing::kSegmented, {}, {}}};
  std::vector<LatencyRow> latencies;
  Memory memory;
  if (only.empty() || only == "throughput") run_throughput(rows);
  if (only.empty() || only == "latency") latencies = run_latency();
  if (only.empty() || only == "memory") memory = run_memory();
  if (!json.empty()) write_json(json, rows, latencies, memory);
  return 0;
}
