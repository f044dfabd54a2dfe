#include "fanout_trial.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "broadcast/hub.h"
#include "fanout_drain.h"
#include "net/http_server.h"
#include "net/ws_frame.h"
#include "server_process.h"

namespace slipstream::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kWindowBytes = 128 << 10;  // under way to a client, as its socket's buffer
constexpr int kSendBufferBytes = 128 << 10;
constexpr std::chrono::microseconds kNap{100};

double thread_cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

std::int64_t steady_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

/// What arrives between two looks, as messages of a length.
class Arrivals {
 public:
  Arrivals(const Drain& drain, std::size_t wire_bytes)
      : drain_(drain), wire_bytes_(wire_bytes), begin_bytes_(drain.bytes()) {}
  double messages() const {
    return static_cast<double>(drain_.bytes() - begin_bytes_) / static_cast<double>(wire_bytes_);
  }
  double per_second() const {
    return messages() / std::chrono::duration<double>(SteadyClock::now() - begin_).count();
  }

 private:
  const Drain& drain_;
  const std::size_t wire_bytes_;
  const std::uint64_t begin_bytes_;
  const SteadyClock::time_point begin_ = SteadyClock::now();
};

/// A hub behind a server, with nothing else around it.
class LiveServer {
 public:
  explicit LiveServer(HubOptions options = {}) {
    hub_ = std::make_unique<Hub>(
        io_, options, system_clock(), pool_,
        FanoutParts{
            .fields = schema_.fields(),
            .windows = {},
            .identity = {},
            .read_rollups = [](const StoredRollupsQuery&, const StoredRollupsTaker&) {},
            .read_events = [](Channel, const StoredEventsQuery&, const StoredEventsTaker&) {},
            .publish = [](const PublishRequest&, const PublishAnswered&) {},
            .warn = [](const std::string&) {}});
    auto server = HttpServer::open(io_, {.port = 0});
    if (!server) throw std::runtime_error(server.error().message);
    server_ = std::move(*server);
    server_->websocket("/ws/realtime", [this](std::shared_ptr<WsSession> session) {
      sessions_.push_back(session);
      hub_->add_client(std::move(session));
    });
    server_->start();
    io_.start();
  }
  ~LiveServer() { io_.stop(); }

  std::uint16_t port() const { return server_->port(); }
  IoThread& io() { return io_; }
  Hub& hub() { return *hub_; }
  /// On the I/O thread.
  const std::vector<std::shared_ptr<WsSession>>& sessions() const { return sessions_; }

  /// Calls `send` on the I/O thread as often as the clients take it, for so long; the CPU that the
  /// thread spent.
  double run(const Drain& drain, std::size_t clients, double seconds,
             std::function<std::size_t()> send) {
    double cpu = 0;
    io_.run([&] { cpu = -thread_cpu_us(); });
    stopping_.store(false);
    begin_bytes_ = drain.bytes();
    sent_bytes_ = 0;
    io_.post([this, &drain, clients, send = std::move(send)] { turn(drain, clients, send); });
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stopping_.store(true);
    io_.run([&] { cpu += thread_cpu_us(); });
    return cpu;
  }

 private:
  void turn(const Drain& drain, std::size_t clients, const std::function<std::size_t()>& send) {
    if (stopping_.load()) return;
    if (sent_bytes_ + begin_bytes_ > drain.bytes() + clients * kWindowBytes) {
      io_.after(kNap, [this, &drain, clients, send] { turn(drain, clients, send); });
      return;
    }
    sent_bytes_ += send() * clients;
    io_.post([this, &drain, clients, send] { turn(drain, clients, send); });
  }

  Schema schema_;
  BatchPool pool_;
  IoThread io_{"io"};
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<HttpServer> server_;
  std::vector<std::shared_ptr<WsSession>> sessions_;
  std::atomic<bool> stopping_{false};
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t begin_bytes_ = 0;
};

/// zlib with the hub's settings, and nothing else.
class BareDeflate {
 public:
  BareDeflate() { deflateInit2(&z_, Z_BEST_SPEED, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY); }
  ~BareDeflate() { deflateEnd(&z_); }
  BareDeflate(const BareDeflate&) = delete;
  BareDeflate& operator=(const BareDeflate&) = delete;

  void run(const std::string& text) {
    out_.resize(text.size() * 2 + 64);
    deflateReset(&z_);
    z_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z_.avail_in = static_cast<uInt>(text.size());
    z_.next_out = reinterpret_cast<Bytef*>(out_.data());
    z_.avail_out = static_cast<uInt>(out_.size());
    deflate(&z_, Z_SYNC_FLUSH);
  }

 private:
  z_stream z_{};
  std::string out_;
};

/// Sockets and what is still to be written to each.
class BareSender {
 public:
  BareSender()
      : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), epoll_(epoll_create1(0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    listen(listener_, 1'024);
    port_ = ntohs(at.sin_port);
  }
  ~BareSender() {
    for (const auto& peer : peers_) close(peer.fd);
    close(listener_);
    close(epoll_);
  }
  std::uint16_t port() const { return port_; }

  void accept_all(std::size_t clients) {
    for (std::size_t i = 0; i < clients; ++i) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
      epoll_event event{.events = EPOLLOUT | EPOLLET, .data = {.u64 = i}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
      peers_.push_back({.fd = fd});
    }
  }
  /// The frames to every socket; what one does not take is finished the next time. How many bytes
  /// were taken.
  std::uint64_t send(std::string_view frame, std::size_t together) {
    std::uint64_t taken = 0;
    for (auto& peer : peers_) {
      if (peer.left > 0) taken += finish(peer, frame, together);
      if (peer.left > 0) continue;
      peer.left = frame.size() * together;
      taken += finish(peer, frame, together);
    }
    epoll_event events[256];
    epoll_wait(epoll_, events, 256, 0);
    return taken;
  }

 private:
  struct Peer {
    int fd;
    std::size_t left = 0;
  };
  static std::uint64_t finish(Peer& peer, std::string_view frame, std::size_t together) {
    iovec pieces[64];
    const std::size_t done = frame.size() * together - peer.left;
    std::size_t count = 0;
    for (std::size_t i = done / frame.size(); i < together; ++i, ++count) {
      const std::size_t skip = count == 0 ? done % frame.size() : 0;
      pieces[count] = {const_cast<char*>(frame.data() + skip), frame.size() - skip};
    }
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    const auto sent = sendmsg(peer.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent <= 0) return 0;
    peer.left -= static_cast<std::size_t>(sent);
    return static_cast<std::uint64_t>(sent);
  }

  int listener_;
  int epoll_;
  std::uint16_t port_ = 0;
  std::vector<Peer> peers_;
};

}  // namespace

std::string fanout_message(std::size_t wire_bytes) {
  // Words of telemetry, so that deflating it is as hard as in life.
  std::string text = R"({"type":"insight_update","data":[)";
  for (std::uint32_t i = 0, x = 7; text.size() < wire_bytes; ++i) {
    x = x * 1'664'525u + 1'013'904'223u;
    text += fmt::format(R"({{"track":"cota","chassis":"GR86-{:02}","speed_kmh":{:.2f},"rpm":{}}},)",
                        i % 20, 80 + static_cast<double>(x >> 20) / 40, 3'000 + (x >> 19));
  }
  const std::size_t head = wire_bytes < 128 ? 2 : 4;
  text.resize(wire_bytes - head, ' ');
  return text;
}

FanoutTrial bare_fanout(std::size_t clients, const std::string& message, std::size_t together,
                        double seconds) {
  const std::string frame = make_frame(WsOpcode::kText, message);
  BareSender sender;
  Drain drain({.port = sender.port(), .clients = clients, .websocket = false});
  sender.accept_all(clients);
  drain.wait_ready();
  std::atomic<bool> stopping{false};
  double cpu = 0;
  const Arrivals arrivals(drain, frame.size());
  std::thread thread([&] {
    const double begin = thread_cpu_us();
    std::uint64_t sent = 0;
    while (!stopping.load()) {
      // What was read may be counted before what was written.
      if (sent > drain.bytes() + clients * kWindowBytes) {
        std::this_thread::sleep_for(kNap);
        continue;
      }
      sent += sender.send(frame, together);
    }
    cpu = thread_cpu_us() - begin;
  });
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const FanoutTrial trial{arrivals.per_second(), 0};
  const double messages = arrivals.messages();
  stopping.store(true);
  thread.join();
  return {trial.sends_per_second, cpu / messages};
}

FanoutTrial hub_fanout(std::size_t clients, const std::string& message, std::size_t together,
                       double seconds) {
  LiveServer server;
  Drain drain({.port = server.port(), .clients = clients});
  drain.wait_ready();
  const std::size_t wire = make_frame(WsOpcode::kText, message).size();
  const Arrivals arrivals(drain, wire);
  const double cpu = server.run(drain, clients, seconds, [&]() -> std::size_t {
    if (together == 1) {
      server.hub().broadcast(Channel::kInsights, message);
      return wire;
    }
    std::vector<FramePtr> frames;
    for (std::size_t i = 0; i < together; ++i) frames.push_back(Frame::text(message));
    for (const auto& session : server.sessions()) {
      for (const auto& frame : frames) session->send(frame, WsLane::kSamples);
      session->flush();
    }
    return wire * together;
  });
  return {arrivals.per_second(), cpu / arrivals.messages()};
}

FanoutTrial npm_fanout(std::size_t clients, const std::string& message, double seconds) {
  int out[2];
  if (pipe(out) != 0) return {};
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(out[1], STDOUT_FILENO);
    close(out[0]);
    const std::string size = std::to_string(message.size());
    const std::string count = std::to_string(clients);
    execlp("node", "node", SLIPSTREAM_SOURCE_DIR "/web/bench/ws_broadcast.mjs", count.c_str(),
           size.c_str(), nullptr);
    _exit(127);
  }
  close(out[1]);
  FILE* const lines = fdopen(out[0], "r");
  int port = 0;
  FanoutTrial trial;
  if (std::fscanf(lines, "%d", &port) == 1) {
    Drain drain({.port = static_cast<std::uint16_t>(port), .clients = clients});
    drain.wait_ready();
    const double cpu_before = cpu_seconds(pid);
    const Arrivals arrivals(drain, make_frame(WsOpcode::kText, message).size());
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    trial = {arrivals.per_second(),
             (cpu_seconds(pid) - cpu_before) * 1e6 / std::max(arrivals.messages(), 1.0)};
  }
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  std::fclose(lines);
  return trial;
}

DeflateTrial deflate_fanout(std::size_t clients, const std::string& message, double seconds) {
  LiveServer server;
  Drain drain({.port = server.port(), .clients = clients, .deflate = true});
  drain.wait_ready();
  double deflate_us = 0;
  double bare_us = 0;
  std::uint64_t messages = 0;
  std::size_t wire = 0;
  BareDeflate bare;
  const double cpu = server.run(drain, clients, seconds, [&]() -> std::size_t {
    const auto frame = Frame::text(message);
    // Each finds the caches as the sending of the message before has left them.
    const bool is_bare = messages % 2 == 1;
    const double begin = thread_cpu_us();
    if (is_bare) {
      bare.run(message);
    } else {
      wire = frame->deflated().size();
    }
    (is_bare ? bare_us : deflate_us) += thread_cpu_us() - begin;
    for (const auto& session : server.sessions()) {
      session->send(frame, WsLane::kSamples);
      session->flush();
    }
    ++messages;
    return wire;
  });
  const double half = static_cast<double>(messages) / 2;
  return {deflate_us / half, bare_us / half, cpu / static_cast<double>(messages),
          static_cast<double>(wire) / static_cast<double>(message.size())};
}

StalledTrial stalled_fanout(std::size_t clients, bool one_stalled, double seconds) {
  constexpr std::size_t kWireBytes = 8'000;
  constexpr std::chrono::milliseconds kInterval{20};
  LiveServer server;
  Drain drain({.port = server.port(),
               .clients = clients,
               .stalled = one_stalled ? std::size_t{1} : std::size_t{0},
               .timed_bytes = kWireBytes});
  drain.wait_ready();
  const auto memory = [] { return static_cast<std::int64_t>(memory_bytes(getpid(), "VmRSS")); };
  const std::int64_t before = memory();
  std::string rest = fanout_message(kWireBytes);
  const auto end = SteadyClock::now() + std::chrono::duration<double>(seconds);
  StalledTrial trial;
  for (auto next = SteadyClock::now(); next < end; next += kInterval) {
    std::this_thread::sleep_until(next);
    server.io().run([&] {
      const std::string time = fmt::format("{:019}", steady_ns());
      rest.replace(2, time.size(), time);
      server.hub().broadcast(Channel::kInsights, rest);
      if (one_stalled) {
        trial.unsent_bytes =
            std::max(trial.unsent_bytes, server.sessions().front()->unsent_bytes());
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  trial.p50_ms = drain.latency_ms(0.5);
  trial.p99_ms = drain.latency_ms(0.99);
  trial.memory_bytes = memory() - before;
  return trial;
}

}  // namespace slipstream::bench
