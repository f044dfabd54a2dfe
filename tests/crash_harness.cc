#include "crash_harness.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <regex>

#include "harness.h"
#include "spawn.h"

namespace slipstream::crash {
namespace {

// All windows are stored, and keep what is late, so that each shows every point. Few machines are
// remembered, so that series are given up and their numbers used again all the time.
constexpr std::string_view kConfiguration = R"([pipeline]
partitions = 3
workers = 2
max_series = 16
[durability]
flush_interval_ms = 2
checkpoint_interval_ms = 50
segment_bytes = 65536
[[window]]
name = "bucket"
key = ["lap", "sector"]
count = 10
change = true
idle_ms = 150
late = "rollup"
stored = true
[[window]]
name = "sector"
key = ["lap", "sector"]
change = true
idle_ms = 60000
late = "rollup"
stored = true
[[window]]
name = "second"
every_ms = 1000
lateness_ms = 1000
late = "rollup"
stored = true
[[window]]
name = "detail"
every_ms = 500
lateness_ms = 200
idle_ms = 300
late = "rollup"
first = true
quantiles = true
stored = true
[[window]]
name = "seven"
count = 7
idle_ms = 60000
stored = true
)";

constexpr double kTrackMetres = 5'000;  // a track that is in no table, with three equal sectors

}  // namespace

ServerProcess::ServerProcess(const std::filesystem::path& directory,
                             std::vector<std::string> environment, unsigned max_descriptors,
                             const std::string& more) {
  static std::atomic<int> count{0};
  output_ = directory / fmt::format("out-{}", count++);
  const auto configuration = (directory / "slipstream.toml").string();
  std::ofstream(configuration) << kConfiguration << more;
  for (const auto setting :
       {"PORT=0", "UDP_PORT=0", "UDP_HOST=127.0.0.1", "METRICS_INTERVAL=0", "BATCH_MS=100"}) {
    environment.emplace_back(setting);
  }
  environment.push_back("DATA_DIR=" + (directory / "data").string());
  std::optional<rlimit> descriptors;
  if (max_descriptors > 0) descriptors = rlimit{max_descriptors, max_descriptors};
  pid_ = harness::spawn(
      {.program = SLIPSTREAM_PROGRAM,
       .arguments = {"slipstream", "serve", "--config", configuration, "--log-format", "text"},
       .environment = std::move(environment),
       .output = output_,
       .descriptors = descriptors});
}

ServerProcess::~ServerProcess() {
  kill();
}

int ServerProcess::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void ServerProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  wait();
}

int ServerProcess::stop() {
  ::kill(pid_, SIGTERM);
  return wait();
}

std::string ServerProcess::output() const {
  std::ifstream in(output_);
  return {std::istreambuf_iterator<char>(in), {}};
}

void ServerProcess::look_for_ports() {
  static const std::regex serving(R"(page=http://127\.0\.0\.1:(\d+)/  udp_port=(\d+))");
  const std::string text = output();
  std::smatch match;
  if (port_ != 0 || !std::regex_search(text, match, serving)) return;
  port_ = static_cast<std::uint16_t>(std::stoi(match[1]));
  udp_port_ = static_cast<std::uint16_t>(std::stoi(match[2]));
}

std::uint16_t ServerProcess::port() {
  look_for_ports();
  return port_;
}

std::uint16_t ServerProcess::udp_port() {
  look_for_ports();
  return udp_port_;
}

std::uint16_t ServerProcess::wait_until_it_serves(std::chrono::milliseconds limit) {
  bool ended = false;
  harness::eventually(
      [&] {
        if (port() != 0) return true;
        siginfo_t info{};
        return ended = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) ==
                           0 &&
                       info.si_pid == pid_;
      },
      limit);
  return ended ? std::uint16_t{0} : port();
}

struct Senders::Car {
  std::string track;
  std::string chassis;
  std::int64_t time_ms = 0;
  int lap = 1;
  double metres = 0;
};

Senders::Senders(std::uint64_t seed, BodySizes bodies, unsigned threads)
    : seed_(seed), bodies_sent_(bodies), thread_count_(threads), cars_(threads) {
  constexpr int kCars = 5;
  // So long ago that no event time is ahead of the server's clock, though that be set back.
  const std::int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                                  std::chrono::system_clock::now().time_since_epoch())
                                  .count();
  for (unsigned t = 0; t < threads; ++t) {
    for (int c = 0; c < kCars; ++c) {
      cars_[t].push_back({.track = c % 2 == 0 ? "north" : "south",
                          .chassis = fmt::format("car-{}-{}", t, c),
                          .time_ms = now_ms - 3 * 3'600'000});
    }
  }
}

Senders::~Senders() {
  give_up();
}

void Senders::give_up() {
  giving_up_ = finishing_ = true;
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void Senders::start() {
  finishing_ = false;
  ++starts_;
  running_ = thread_count_;
  for (unsigned t = 0; t < thread_count_; ++t) threads_.emplace_back([this, t] { run(t); });
}

bool Senders::finish(std::chrono::milliseconds limit) {
  finishing_ = true;
  const bool done = harness::eventually([this] { return running_.load() == 0; }, limit);
  giving_up_ = !done;
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  return done;
}

SentPoint Senders::next_point(Car& car, std::mt19937_64& random) {
  const auto dt_ms = static_cast<std::int64_t>(20 + random() % 200);
  car.time_ms += dt_ms;
  car.metres += static_cast<double>(dt_ms) * 0.6;
  if (car.metres >= kTrackMetres) {
    car.metres -= kTrackMetres;
    ++car.lap;
  }
  SentPoint point{.n = next_n_++,
                  .w = static_cast<std::uint32_t>(random()),
                  .track = car.track,
                  .chassis = car.chassis,
                  .lap = car.lap,
                  .sector = std::min(2, static_cast<int>(car.metres * 3 / kTrackMetres)),
                  .time_ms = car.time_ms};
  // Some come late, by event time or by place.
  if (random() % 20 == 0) point.time_ms -= static_cast<std::int64_t>(random() % 4'000);
  if (random() % 40 == 0) point.lap = std::max(0, point.lap - 1);
  return point;
}

std::string body_text(const std::vector<SentPoint>& points, bool as_lines) {
  std::string text = as_lines ? "" : "[";
  for (const auto& p : points) {
    if (&p != &points.front()) text += as_lines ? '\n' : ',';
    text += fmt::format(R"({{"meta_time":{},"track":"{}","chassis":"{}","lap":{},"n":{},"w":{},)",
                        p.time_ms, p.track, p.chassis, p.lap, p.n, p.w);
    // Some leave the sector to the server.
    text += p.n % 5 == 0 ? fmt::format(R"("lapdist_m":{},"note":"x{}"}})",
                                       (p.sector + 0.5) * kTrackMetres / 3, p.n)
                         : fmt::format(R"("sector":{}}})", p.sector);
  }
  return as_lines ? text : text + "]";
}

Fate Senders::post(const SentBody& body, const std::string& text) {
  harness::Headers headers{
      {"Content-Type", text.starts_with('[') ? "application/json" : "application/x-ndjson"}};
  if (!body.key.empty()) headers.emplace_back("Idempotency-Key", body.key);
  harness::HttpAnswer answer;
  try {
    answer = harness::http(port_.load(), "POST", "/api/ingest", text, headers);
  } catch (const std::exception&) {
    return Fate::kUnknown;  // killed before it answered
  }
  if (answer.status == 200) {
    const auto accepted = fmt::format(R"("accepted":{},"rejected":0)", body.points.size());
    if (answer.body.find(accepted) == std::string::npos) ++wrong_answers_;
    ++acknowledged_;
    return Fate::kAcknowledged;
  }
  if (answer.status != 503) {
    ++wrong_answers_;
    return Fate::kUnknown;
  }
  ++unavailable_;
  if (!answer.headers.contains("retry-after")) ++without_retry_after_;
  return answer.body.find("nothing was taken") != std::string::npos ? Fate::kRefused
                                                                    : Fate::kUnknown;
}

void Senders::send(SentBody body, std::mt19937_64& random) {
  const std::string text = body_text(body.points, random() % 2 == 0);
  bool was_taken = false;
  body.begun_at = stamp_();
  while (!giving_up_) {
    if (port_.load() == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    body.fate = post(body, text);
    body.answered_at = stamp_();
    was_taken = was_taken || body.fate != Fate::kRefused;
    if (body.key.empty() || body.fate == Fate::kAcknowledged) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  // Refused the second time, it may be there since the first.
  if (body.fate == Fate::kRefused && was_taken) body.fate = Fate::kUnknown;
  const std::lock_guard lock(mutex_);
  bodies_.push_back(std::move(body));
}

void Senders::run(unsigned thread) {
  std::mt19937_64 random(seed_ * 1'000 + starts_ * 100 + thread);
  std::uint64_t count = 0;
  while (!finishing_) {
    SentBody body;
    const bool is_large = bodies_sent_ == BodySizes::kSomeLarge && random() % 40 == 0;
    const std::size_t points = is_large ? 400 : 1 + random() % 60;
    const std::string name = fmt::format("{}-{}-{}-{}", seed_, starts_, thread, ++count);
    const bool has_key = random() % 10 != 0;
    std::vector<Car> alone;
    for (int c = 0; c < 4; ++c) {
      alone.push_back({.track = "north",
                       .chassis = fmt::format("alone-{}-{}", name, c),
                       .time_ms = cars_[thread].front().time_ms});
    }
    auto& cars = has_key ? cars_[thread] : alone;
    for (std::size_t i = 0; i < points; ++i) {
      body.points.push_back(next_point(cars[random() % cars.size()], random));
    }
    if (has_key) body.key = "key-" + name;
    send(std::move(body), random);
  }
  --running_;
}

}  // namespace slipstream::crash
