#pragma once
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "harness.h"

namespace slipstream::crash {

/// The program as a process that may be killed at any time, on free ports, in a data directory that
/// outlives it. Ended at the latest with this object.
class ServerProcess {
 public:
  /// `environment`: NAME=VALUE; wins over the settings that all crash tests share.
  /// `max_descriptors`: that it may have open; 0: as many as the test. `more`: tables behind those
  /// of the configuration.
  ServerProcess(const std::filesystem::path& directory, std::vector<std::string> environment = {},
                unsigned max_descriptors = 0, const std::string& more = "");
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// 0 while it does not serve.
  std::uint16_t port();
  std::uint16_t udp_port();
  /// Waits until it serves; its port, or 0 when it ended or the limit passed.
  std::uint16_t wait_until_it_serves(std::chrono::milliseconds limit = harness::kPatience);
  void kill();
  /// Asks it to end; the exit code, or -1 when a signal ended it.
  int stop();
  std::string output() const;

 private:
  void look_for_ports();
  int wait();

  std::filesystem::path output_;
  pid_t pid_ = 0;
  std::uint16_t port_ = 0;
  std::uint16_t udp_port_ = 0;
};

/// A point as it was sent. `n` is its own alone; `w` is random, so that in sums of both a point
/// that is missing and one that is there twice do not cancel.
struct SentPoint {
  std::uint64_t n = 0;
  std::uint32_t w = 0;
  std::string track;
  std::string chassis;
  int lap = 0;
  int sector = 0;
  std::int64_t time_ms = 0;
};

/// What became of a body.
enum class Fate {
  kAcknowledged,
  kRefused,  ///< nothing of it was taken
  kUnknown,  ///< no answer, or taken without being safe: it may be there, as a whole
};

struct SentBody {
  std::vector<SentPoint> points;
  Fate fate = Fate::kUnknown;
  std::string key = {};           ///< empty: none, and its cars are its own
  std::uint64_t begun_at = 0;     ///< by the senders' stamp: before it was sent
  std::uint64_t answered_at = 0;  ///< likewise: after its last answer
};

enum class BodySizes {
  kSmall,
  kSomeLarge,  ///< in several blocks of the log, where the server has kSmallBlocks
};
/// Setting of a server.
inline constexpr const char* kSmallBlocks = "FLUSH_BYTES=4096";

/// Sends bodies over several threads, each with cars of its own, to whichever server is there. Most
/// bodies have an Idempotency-Key and are sent until they are acknowledged; some have none, and are
/// sent once, with cars that nobody else sends.
class Senders {
 public:
  explicit Senders(std::uint64_t seed, BodySizes bodies = BodySizes::kSmall, unsigned threads = 3);
  ~Senders();

  /// What bodies are stamped with. Before start().
  void stamp_by(std::function<std::uint64_t()> stamp) { stamp_ = std::move(stamp); }
  /// 0: there is no server, wait.
  void send_to(std::uint16_t port) { port_.store(port); }
  void start();
  /// Returns once every body with a key is acknowledged. A server must be there; false when it does
  /// not happen within the limit.
  bool finish(std::chrono::milliseconds limit = 2 * harness::kPatience);
  /// Returns when nobody sends any more, whatever is not acknowledged.
  void give_up();

  std::uint64_t acknowledged() const { return acknowledged_.load(); }
  std::uint64_t unavailable() const { return unavailable_.load(); }  ///< answers 503
  std::uint64_t without_retry_after() const { return without_retry_after_.load(); }
  std::uint64_t wrong_answers() const { return wrong_answers_.load(); }
  /// After finish().
  const std::vector<SentBody>& bodies() const { return bodies_; }

 private:
  struct Car;
  void run(unsigned thread);
  SentPoint next_point(Car& car, std::mt19937_64& random);
  void send(SentBody body, std::mt19937_64& random);
  Fate post(const SentBody& body, const std::string& text);

  const std::uint64_t seed_;
  const BodySizes bodies_sent_;
  const unsigned thread_count_;
  std::function<std::uint64_t()> stamp_ = [] { return std::uint64_t{0}; };
  unsigned starts_ = 0;
  std::atomic<std::uint16_t> port_{0};
  std::atomic<bool> finishing_{false};
  std::atomic<bool> giving_up_{false};
  std::atomic<unsigned> running_{0};
  std::atomic<std::uint64_t> next_n_{1};
  std::atomic<std::uint64_t> acknowledged_{0};
  std::atomic<std::uint64_t> unavailable_{0};
  std::atomic<std::uint64_t> without_retry_after_{0};
  std::atomic<std::uint64_t> wrong_answers_{0};
  std::vector<std::thread> threads_;
  std::vector<std::vector<Car>> cars_;
  std::mutex mutex_;  // guards bodies_
  std::vector<SentBody> bodies_;
};

/// The text of a body: a JSON array, or NDJSON.
std::string body_text(const std::vector<SentPoint>& points, bool as_lines);

/// Reads the store of a server that was stopped, and compares with what was sent: fails the test
/// where an acknowledged point is not in exactly one rollup of each window, or any point in two.
/// `left_out`: the `n` of points that must be in none. Returns how many points are in each window.
std::uint64_t expect_each_point_once(const std::filesystem::path& directory,
                                     const std::vector<SentBody>& bodies,
                                     const std::set<std::uint64_t>& left_out = {});

}  // namespace slipstream::crash
