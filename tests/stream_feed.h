#pragma once
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "redis_server.h"

namespace slipstream::streams {

inline constexpr std::int64_t kBegin = 1'757'032'100'000;  ///< of what drives, in milliseconds
inline constexpr const char* kTelemetry = "telemetry.stream";
inline constexpr const char* kAggregates = "aggregates.stream";

/// A point as it goes into a stream. `w` is random: in sums, a point that is missing and one that
/// is there twice do not cancel.
struct FedPoint {
  std::string track = "cota";
  std::string chassis;
  int lap = 0;
  int sector = 0;
  std::int64_t time_ms = 0;
  double speed = 0;
  std::uint32_t w = 0;

  std::string json() const;
  std::vector<std::pair<std::string, std::string>> fields() const;
};

/// Cars that drive, deterministic by seed: laps of three sectors, 25 points a second each.
std::vector<FedPoint> drive(std::uint64_t seed, std::size_t points, std::uint32_t cars,
                            std::int64_t begin_ms);

/// Asks whichever server has the key.
using CallRedis = std::function<RedisReply(std::initializer_list<std::string_view>)>;
inline CallRedis caller(harness::RedisServer& server) {
  return [&server](std::initializer_list<std::string_view> arguments) {
    return server.call(arguments);
  };
}

/// XADD of one entry; its id.
std::string add(harness::RedisServer& server, const std::string& stream,
                const std::vector<std::pair<std::string, std::string>>& fields);
/// Many at once: every other one flat, the rest as JSON in `data`.
void add_all(harness::RedisServer& server, const std::string& stream,
             const std::vector<FedPoint>& points);

/// What a rollup says, as far as tests look at it.
struct SeenRollup {
  std::string window;
  std::string id;
  std::string chassis;
  int lap = 0;
  int sector = 0;
  std::uint64_t count = 0;
  std::string first_ts;
  std::string last_ts;
  std::map<std::string, double> figures;
};
/// All rollups of a stream, in its order.
std::vector<SeenRollup> rollups(const CallRedis& call, const std::string& stream);
inline std::vector<SeenRollup> rollups(harness::RedisServer& server, const std::string& stream) {
  return rollups(caller(server), stream);
}

/// Buckets as a few lines of straightforward code make them: by car, in order.
std::map<std::string, std::vector<SeenRollup>> expected_buckets(const std::vector<FedPoint>& points,
                                                                std::size_t limit);

/// The rollups of each car are these, in this order, each once; else the test fails.
void expect_same(const std::vector<SeenRollup>& seen,
                 const std::map<std::string, std::vector<SeenRollup>>& expected);

/// Entries of the stream that the group has not acknowledged; those not delivered count as one.
std::int64_t unacknowledged(const CallRedis& call, const std::string& stream,
                            const std::string& group = "ingestors");
inline std::int64_t unacknowledged(harness::RedisServer& server, const std::string& stream) {
  return unacknowledged(caller(server), stream);
}

/// Entries of a stream with their fields.
std::vector<std::map<std::string, std::string>> entries(const CallRedis& call,
                                                        const std::string& stream);
inline std::vector<std::map<std::string, std::string>> entries(harness::RedisServer& server,
                                                               const std::string& stream) {
  return entries(caller(server), stream);
}

/// Sums that a point which is missing, or there twice, changes for certain.
struct Sum {
  std::uint64_t count = 0;
  double w = 0;
  friend bool operator==(const Sum&, const Sum&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Sum& sum) {
    return out << sum.count << " points, sum of w " << sum.w;
  }
};
/// By car: of the points in all partitions' streams, in whichever form they were written.
std::map<std::string, Sum> fed_sums(const CallRedis& call, std::uint32_t partitions);
/// By window, then by car: of all rollups. Fails the test for one that is there twice.
std::map<std::string, std::map<std::string, Sum>> rolled_sums(const CallRedis& call,
                                                              std::uint32_t partitions);
/// Texts of the marks in the field `data` of all partitions' entries.
std::multiset<std::string> fed_marks(const CallRedis& call, std::uint32_t partitions);
/// Texts of the marks that a server has stored, of a thousand at most.
std::multiset<std::string> stored_marks(std::uint16_t port);

/// Fails the test unless each point is in exactly one rollup of each window.
void expect_exactly_once(const CallRedis& call, std::uint32_t partitions,
                         const std::vector<std::string>& windows = {"bucket", "sector", "second"});

/// The token of a partition's owner; empty: it has none.
std::string lease(const CallRedis& call, const std::string& stream);
inline std::string lease(harness::RedisServer& server, const std::string& stream) {
  return lease(caller(server), stream);
}
/// NAME:{partition}
std::string telemetry_stream(std::uint32_t partition);
bool all_acknowledged(const CallRedis& call, std::uint32_t partitions);
/// Names of the group's instances, as Redis has it: one that was killed is in it for as long as a
/// lease, and until then none that stops takes itself for the last, which closes the open windows.
std::vector<std::string> members(const CallRedis& call);
/// The group is the instances with these process ids, and no other.
bool has_members(const CallRedis& call, const std::vector<pid_t>& processes);
/// One instance has the leases of all partitions.
bool owns_all(const CallRedis& call, std::uint32_t partitions, pid_t process);

}  // namespace slipstream::streams
