#include "live_history.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "latency_client.h"
#include "load.h"
#include "racing/race_field.h"
#include "server_process.h"
#include "trial_size.h"

namespace slipstream::bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kLaps = 10'000;
constexpr std::size_t kCars = 20;
constexpr double kRateHz = 25;
constexpr std::int64_t kStartNs = 1'757'032'100 * kNsPerSecond;
constexpr std::size_t kBodyBytes = 4 << 20;
constexpr double kLiveRate = 20'000;
constexpr double kTrialSeconds = 15;
constexpr std::size_t kRounds = 5;  // of one trial without questions and one with them
/// A person who looks through laps, and his page.
constexpr auto kBetweenQuestions = std::chrono::milliseconds(200);

/// One connection that is kept.
class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port) : socket_(context_) {
    socket_.connect({asio::ip::address_v4::loopback(), port});
    socket_.set_option(asio::ip::tcp::no_delay(true));
  }
  std::string get(const std::string& target) { return ask(http::verb::get, target, {}); }
  std::string post(const std::string& target, const std::string& body) {
    return ask(http::verb::post, target, body);
  }

 private:
  std::string ask(http::verb verb, const std::string& target, const std::string& body) {
    http::request<http::string_body> request(verb, target, 11, body);
    request.set(http::field::host, "localhost");
    if (verb == http::verb::post) {
      request.set(http::field::content_type, "application/x-ndjson");
      request.prepare_payload();
    }
    http::write(socket_, request);
    http::response_parser<http::string_body> response;
    response.body_limit(std::uint64_t{1} << 30);
    http::read(socket_, buffer_, response);
    if (http::to_status_class(response.get().result()) != http::status_class::successful) {
      throw std::runtime_error(target + ": " + response.get().body());
    }
    return std::move(response.get().body());
  }

  asio::io_context context_;
  asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
};

/// Sends what the cars drive until each has driven its share of the laps.
std::uint64_t record(std::uint16_t port, std::uint64_t laps) {
  HttpClient client(port);
  RaceField field({.cars = kCars, .rate_hz = kRateHz});
  const auto enough = static_cast<std::int32_t>(laps / kCars + 3);
  std::string body;
  std::uint64_t points = 0;
  const auto send = [&] {
    client.post("/api/ingest?durability=logged", body);
    body.clear();
  };
  for (bool is_done = false; !is_done; field.step()) {
    is_done = true;
    const std::int64_t now = kStartNs + std::llround(field.time_s() * 1e9);
    for (std::size_t car = 0; car < kCars; ++car) {
      is_done = is_done && field.reading(car).lap >= enough;
      field.append_point(car, {now}, body);
      body += '\n';
      ++points;
    }
    if (body.size() >= kBodyBytes) send();
  }
  if (!body.empty()) send();
  return points;
}

/// Of complete laps, all there are.
std::vector<std::string> complete_laps(std::uint16_t port) {
  HttpClient client(port);
  std::vector<std::string> ids;
  std::string cursor;
  do {
    const std::string page = client.get("/api/laps?track=barber&limit=1000" +
                                        (cursor.empty() ? "" : "&cursor=" + cursor));
    simdjson::dom::parser parser;
    const simdjson::dom::element json = parser.parse(page);
    for (const simdjson::dom::element lap : json["laps"]) {
      if (bool(lap["complete"])) ids.emplace_back(std::string_view(lap["id"]));
    }
    std::string_view next;
    cursor = json["next"].get(next) ? std::string() : std::string(next);
  } while (!cursor.empty());
  return ids;
}

void wait_for_indexes(const ServerProcess& server) {
  while (server.metric("slipstream_history_segments_indexed") <
         server.metric("slipstream_history_segments")) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

/// Until what was recorded is in the store, too.
void wait_until_idle(const ServerProcess& server) {
  static constexpr double kIdleShare = 0.05;  // of a core
  for (double share = 1; share > kIdleShare;) {
    const double before = cpu_seconds(server.pid());
    std::this_thread::sleep_for(std::chrono::seconds(1));
    share = cpu_seconds(server.pid()) - before;
  }
}

/// Of the log, and of the indexes in it.
struct Sizes {
  std::uint64_t log = 0;
  std::uint64_t index = 0;
};
Sizes sizes_of(const std::filesystem::path& directory) {
  Sizes sizes;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory / "log")) {
    if (!file.is_regular_file()) continue;
    (file.path().extension() == ".index" ? sizes.index : sizes.log) += file.file_size();
  }
  return sizes;
}

struct Question {
  const char* name;
  const char* key;  ///< in JSON
  double limit_ms;  ///< 0: it is what the machine gives
  std::vector<double> times_ms = {};

  double at(double share) {
    if (times_ms.empty()) return 0;
    std::ranges::sort(times_ms);
    return times_ms[static_cast<std::size_t>(share * static_cast<double>(times_ms.size() - 1))];
  }
};

/// Asks one question after the other, with pauses, until it is told to stop.
class Asker {
 public:
  Asker(std::uint16_t port, const std::vector<std::string>& laps, std::vector<Question>& questions)
      : client_(port), laps_(laps), questions_(questions), thread_([this] { run(); }) {}
  ~Asker() {
    stopping_.store(true);
    thread_.join();
  }

 private:
  std::string target(std::size_t question) {
    static constexpr const char* kFields = "&fields=speed_kmh,pbrake_f,aps";
    const auto any = [&] { return laps_[random_() % laps_.size()]; };
    switch (question) {
      case 0:
        return "/ping";
      case 1:
        return "/api/trace?lap=" + any() + kFields;
      case 2:
        return "/api/compare?laps=" + any() + "," + any() + kFields;
      default:
        return "/api/laps?track=barber&limit=100";
    }
  }
  void run() {
    for (std::size_t next = 0; !stopping_.load(); next = (next + 1) % questions_.size()) {
      const std::string asked = target(next);
      const auto begin = Clock::now();
      client_.get(asked);
      const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
      questions_[next].times_ms.push_back(took.count());
      std::this_thread::sleep_until(begin + kBetweenQuestions);
    }
  }

  HttpClient client_;
  const std::vector<std::string>& laps_;
  std::vector<Question>& questions_;
  std::mt19937_64 random_{1};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// The latency of points that come in meanwhile.
Latency live_latency(const ServerProcess& server) {
  LatencyClient client(server.port());
  send_load({.port = server.udp_port(),
             .points_per_second = kLiveRate,
             .seconds = trial_seconds(kTrialSeconds),
             .with_time = false});
  return client.finish();
}

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

std::string run_live_history() {
  const ServerProcess server;
  const auto begin = Clock::now();
  const std::uint64_t points = record(server.port(), trial_count(kLaps));
  const std::chrono::duration<double> recording = Clock::now() - begin;
  wait_for_indexes(server);
  wait_until_idle(server);
  const auto laps = complete_laps(server.port());
  if (laps.size() < trial_count(kLaps)) throw std::runtime_error("there are not as many laps");
  const Sizes sizes = sizes_of(server.directory());

  std::vector<Question> questions = {{"nothing (/ping)", "ping", 0},
                                     {"a trace of three fields", "trace", 30},
                                     {"a comparison of two laps", "compare", 50},
                                     {"a page of 100 laps", "laps", 10}};
  HttpClient(server.port()).get("/api/track/barber");  // the first who asks has it learned
  std::vector<double> alone;
  std::vector<double> asked;
  std::vector<double> ratios;
  for (std::size_t round = 0; round < (is_short() ? 1 : kRounds); ++round) {
    // Each comes first as often as the other.
    for (const bool asks : {round % 2 == 1, round % 2 == 0}) {
      std::unique_ptr<Asker> asker;
      if (asks) asker = std::make_unique<Asker>(server.port(), laps, questions);
      (asks ? asked : alone).push_back(live_latency(server).p99_ms);
    }
    ratios.push_back(asked.back() / alone.back());
  }
  const double share = static_cast<double>(sizes.index) / static_cast<double>(sizes.log);
  fmt::print(
      "\n{} laps of {} points in a server, recorded in {:.0f} s; index {:.3f} % of the log\n",
      laps.size(), points, recording.count(), 100 * share);
  fmt::print("{:34} {:>9} {:>9} {:>9} {:>9}\n", "while 20,000 points/s come in", "p50 ms", "p99 ms",
             "aim ms", "asked");
  std::string json;
  for (Question& question : questions) {
    fmt::print("{:34} {:>9.2f} {:>9.2f} {:>9} {:>9}\n", question.name, question.at(0.5),
               question.at(0.99),
               question.limit_ms > 0 ? fmt::format("{:.0f}", question.limit_ms) : "",
               question.times_ms.size());
    json += fmt::format(R"("{0}_p50_ms":{1:.3f},"{0}_p99_ms":{2:.3f},)", question.key,
                        question.at(0.5), question.at(0.99));
  }
  fmt::print("{:34} {:>9.2f} {:>9.2f} {:>9.2f}\n", "points' p99: without, with, ratio",
             median_of(alone), median_of(asked), median_of(ratios));
  return fmt::format(
      R"("live":{{"laps":{},"index_share":{:.5f},{}"alone_p99_ms":{:.3f},"asked_p99_ms":{:.3f},"ratio":{:.3f}}})",
      laps.size(), share, json, median_of(alone), median_of(asked), median_of(ratios));
}

}  // namespace slipstream::bench
