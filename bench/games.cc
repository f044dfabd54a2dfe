// Frames of F1 with all their cars at 60 Hz: what a car and frame costs to decode, beside a copy of
// the same bytes in memory, which is the machine's limit; what it costs the whole server, and how
// late it is at a client; how much later a datagram comes to whom it is sent on to than to who gets
// it from the game itself. docs/performance.md says how to read it.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "codec/games_testing.h"
#include "latency_client.h"
#include "report.h"
#include "server_process.h"
#include "source/datagram_testing.h"
#include "source/udp_sender.h"
#include "source/udp_source.h"
#include "trial_size.h"
#include "udp_trial.h"

namespace slipstream::bench {
namespace {

using Steady = std::chrono::steady_clock;
using games_testing::Datagram;

constexpr std::size_t kUidAt = 7;
constexpr std::size_t kOverallFrameAt = 23;
constexpr std::int64_t kFrameNs = kNsPerSecond / 60;
constexpr int kRounds = 3;

std::uint32_t frame_of(const Datagram& datagram) {
  std::uint32_t frame = 0;
  std::memcpy(&frame, datagram.bytes.data() + kOverallFrameAt, sizeof frame);
  return frame;
}

/// A capture's frames, 60 a second; each pass through it is another session.
class Frames {
 public:
  explicit Frames(const std::string& name) {
    const auto capture = games_testing::read_kept_reference(name);
    if (!capture) throw std::runtime_error("no " + name);
    std::uint32_t last = 0;
    for (auto& datagram : games_testing::datagrams_of(*capture)) {
      if (frames_.empty() || frame_of(datagram) != last) frames_.emplace_back();
      last = frame_of(datagram);
      datagram.bytes.reserve(datagram.bytes.size() + Decoder::kPadding);
      frames_.back().push_back(std::move(datagram));
    }
  }
  std::vector<Datagram>& next() {
    if (at_ == frames_.size()) {
      at_ = 0;
      ++uid_;
    }
    auto& frame = frames_[at_++];
    now_.ns += kFrameNs;
    for (auto& datagram : frame) {
      std::memcpy(datagram.bytes.data() + kUidAt, &uid_, sizeof uid_);
      datagram.arrival = now_;
    }
    return frame;
  }

 private:
  std::vector<std::vector<Datagram>> frames_;
  std::size_t at_ = 0;
  std::uint64_t uid_ = 1;
  ArrivalTime now_{1'757'000'000 * kNsPerSecond};
};

struct NoRejections final : RejectionSink {
  void rejected(std::size_t, const Rejection& rejection, std::string_view) override {
    throw std::runtime_error(rejection.message);
  }
};

/// Nanoseconds a car and frame, and of a copy of what the decoder reads and writes for it.
struct DecoderCost {
  double decode_ns = 0;
  double copy_ns = 0;
  double cars = 0;  ///< a frame
};

DecoderCost decoder_cost(const std::string& capture) {
  DecoderCost best;
  for (int round = 0; round < kRounds; ++round) {
    Frames frames(capture);
    Schema schema;
    IngestStats stats;
    BatchPool pool;
    BatchWriter writer(1, pool);
    PointBuilder builder(schema, stats, writer);
    DraftFiller filler(builder);
    const auto decoder = make_decoder("games", filler).value();
    NoRejections rejections;
    std::size_t points = 0;
    std::size_t bytes = 0;
    std::size_t count = 0;
    const auto begin = Steady::now();
    std::chrono::duration<double, std::nano> elapsed{};
    while (elapsed.count() < trial_seconds(2) * 1e9) {
      for (const auto& datagram : frames.next()) {
        decoder->decode(datagram.bytes,
                        {.source = SourceKind::kUdp, .arrival = datagram.arrival, .sender = 1},
                        rejections);
        bytes += datagram.bytes.size();
      }
      ++count;
      if (auto& batch = writer.open().front()) {
        points += batch->points.size();
        bytes += batch->bytes();
        batch->clear();
      }
      elapsed = Steady::now() - begin;
    }
    const double ns = elapsed.count() / static_cast<double>(points);
    std::string from(bytes / count, 'x');
    std::string to(bytes / count, '\0');
    const auto copied = Steady::now();
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(to.data(), from.data(), from.size());
      from[0] = to[to.size() - 1];  // so that no copy can be left out
    }
    const std::chrono::duration<double, std::nano> copying = Steady::now() - copied;
    const double copy_ns = copying.count() / static_cast<double>(points);
    if (round == 0 || ns < best.decode_ns) best.decode_ns = ns;
    if (round == 0 || copy_ns < best.copy_ns) best.copy_ns = copy_ns;
    best.cars = static_cast<double>(points) / static_cast<double>(count);
  }
  return best;
}

std::string run_decoder() {
  fmt::print("{:24} {:>10} {:>12} {:>10} {:>8}\n", "decoder alone", "cars", "ns a car", "memcpy ns",
             "ratio");
  std::string json;
  for (const char* const capture : {"f1_2025.cap", "f1_2026.cap"}) {
    const auto cost = decoder_cost(capture);
    fmt::print("{:24} {:>10.1f} {:>12.1f} {:>10.1f} {:>8.1f}\n", capture, cost.cars, cost.decode_ns,
               cost.copy_ns, cost.decode_ns / cost.copy_ns);
    json += fmt::format(R"({}{{"name":"{}","cars":{:.1f},"decode_ns":{:.1f},"copy_ns":{:.1f}}})",
                        json.empty() ? "" : ",", capture, cost.cars, cost.decode_ns, cost.copy_ns);
  }
  return R"("decoder":[)" + json + "]";
}

/// Sends frames at 60 Hz; `sent` is told of each datagram right before it goes.
template <typename Sent>
void send_frames(Frames& frames, UdpSender& sender, double seconds, Sent sent) {
  auto due = Steady::now();
  const auto end =
      due + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds));
  for (; due < end; due += std::chrono::nanoseconds(kFrameNs)) {
    std::this_thread::sleep_until(due);
    for (const auto& datagram : frames.next()) {
      sent();
      static_cast<void>(sender.send(datagram.bytes));
    }
  }
}

std::string run_server() {
  const ServerProcess server;
  LatencyClient client(server.port());
  auto sender = UdpSender::open("127.0.0.1", server.udp_port()).value();
  Frames frames("f1_2026.cap");
  const auto accepted = [&] {
    return server.metric(R"(slipstream_points_accepted_total{source="udp"})");
  };
  send_frames(frames, sender, trial_seconds(1), [] {});
  const std::uint64_t before = settled(accepted);
  const double cpu_before = cpu_seconds(server.pid());
  send_frames(frames, sender, trial_seconds(8), [] {});
  const double cpu = cpu_seconds(server.pid()) - cpu_before;
  const auto points = static_cast<double>(settled(accepted) - before);
  const Latency latency = client.finish();
  const double us = cpu * 1e6 / points;
  fmt::print(
      "\n24 cars at 60 Hz, whole server: {:.2f} us of CPU a car and frame; first packet to "
      "client's "
      "socket p50 {:.2f} ms, p99 {:.2f} ms (the frame's own wait in it)\n",
      us, latency.p50_ms, latency.p99_ms);
  return fmt::format(R"("server":{{"cpu_us":{:.3f},"p50_ms":{:.3f},"p99_ms":{:.3f}}})", us,
                     latency.p50_ms, latency.p99_ms);
}

/// Notes when each datagram came.
class Stamps {
 public:
  explicit Stamps(std::size_t most)
      : socket_(UdpSocket::open({.host = "127.0.0.1", .port = 0}).value()) {
    at_.reserve(most);
    thread_ = std::thread([this] { run(); });
  }
  std::uint16_t port() const { return socket_.port(); }
  std::vector<Steady::time_point> finish() {
    stopping_.store(true);
    thread_.join();
    return std::move(at_);
  }

 private:
  void run() {
    DatagramBuffers buffers;
    while (!stopping_.load()) {
      pollfd waiting{socket_.fd(), POLLIN, 0};
      if (poll(&waiting, 1, 100) != 1) continue;
      while (buffers.receive(socket_.fd(), system_clock()) > 0) {
        const auto now = Steady::now();
        at_.insert(at_.end(), buffers.datagrams(), now);
      }
    }
  }
  UdpSocket socket_;
  std::vector<Steady::time_point> at_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

class Discard final : public PointSink {
 public:
  std::uint32_t partitions() const override { return 1; }
  bool offer(PointBatchPtr& batch) override {
    pool_.put(std::move(batch));
    return true;
  }
  std::expected<LogOffset, Refusal> offer_all(Body&) override {
    return std::unexpected(Refusal::kFull);
  }
  void when_durable(LogOffset, Durability, std::function<void(bool)> done) override { done(true); }

 private:
  BatchPool pool_;
};

struct Delay {
  double p50_us = 0;
  double p99_us = 0;
};
Delay delay_of(const std::vector<Steady::time_point>& sent,
               const std::vector<Steady::time_point>& come) {
  if (come.size() != sent.size()) throw std::runtime_error("datagrams were lost");
  std::vector<double> us;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    us.push_back(std::chrono::duration<double, std::micro>(come[i] - sent[i]).count());
  }
  std::ranges::sort(us);
  return {us[us.size() / 2], us[us.size() * 99 / 100]};
}

Delay relay_delay(bool is_relayed) {
  constexpr std::size_t kMost = 100'000;
  Stamps stamps(kMost);
  Schema schema;
  IngestStats stats;
  Discard sink;
  BatchPool pool;
  Gauge viewers;
  RejectionLog log({.refused = [](const RejectionReport&) {}}, stats.errors_not_logged);
  RelayTargets targets;
  targets.push_back(RelayTarget::open({.to = fmt::format("127.0.0.1:{}", stamps.port())}).value());
  UdpSource source(UdpSocket::open_several({.host = "127.0.0.1", .port = 0}, 1).value(), {},
                   {schema, stats, system_clock(), sink, pool, log, viewers}, 0,
                   std::move(targets));
  UdpSource::ThreadNumbers numbers;
  source.start(numbers);
  std::vector<Steady::time_point> sent;
  sent.reserve(kMost);
  Frames frames("f1_2026.cap");
  auto sender = UdpSender::open("127.0.0.1", is_relayed ? source.port() : stamps.port()).value();
  send_frames(frames, sender, trial_seconds(6), [&] { sent.push_back(Steady::now()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  source.stop();
  return delay_of(sent, stamps.finish());
}

std::string run_relay() {
  const Delay direct = relay_delay(false);
  const Delay relayed = relay_delay(true);
  fmt::print(
      "\nto another program: p50 {:.0f} us, p99 {:.0f} us; sent on: p50 {:.0f} us, p99 {:.0f} us: "
      "{:+.0f} us, {:+.0f} us\n",
      direct.p50_us, direct.p99_us, relayed.p50_us, relayed.p99_us, relayed.p50_us - direct.p50_us,
      relayed.p99_us - direct.p99_us);
  return fmt::format(
      R"("relay":{{"direct_p50_us":{:.1f},"direct_p99_us":{:.1f},"p50_us":{:.1f},"p99_us":{:.1f}}})",
      direct.p50_us, direct.p99_us, relayed.p50_us, relayed.p99_us);
}

}  // namespace
}  // namespace slipstream::bench

int main(int argc, char** argv) {
  using namespace slipstream::bench;
  const Report report(argc, argv);
  std::string decoder;
  std::string server;
  std::string relay;
  if (report.wants("decoder")) decoder = run_decoder();
  if (report.wants("server")) server = run_server();
  if (report.wants("relay")) relay = run_relay();
  return report.finish(json_object({decoder, server, relay}));
}
