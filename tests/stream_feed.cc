#include "stream_feed.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>

#include "base/iso_time.h"
#include "codec/json_scan.h"
#include "harness.h"

namespace slipstream::streams {
namespace {

constexpr std::size_t kPerWrite = 1'000;
constexpr std::string_view kMarkBegin = R"({"type":"mark")";

std::unique_ptr<RedisConnection> connect(harness::RedisServer& server) {
  static RedisStats stats;
  auto connection = RedisConnection::open(server.address(), {.connect_timeout_ms = 20'000}, stats);
  if (!connection) throw std::runtime_error(connection.error().message);
  return std::move(*connection);
}

/// The id of what was added.
std::string receive_added(RedisConnection& connection) {
  const auto reply = connection.receive(redis_deadline_in(std::chrono::seconds(60)));
  if (!reply) throw std::runtime_error("XADD: " + reply.error().message);
  if (reply->is_error()) throw std::runtime_error("XADD: " + std::string(reply->text()));
  return std::string(reply->text());
}

}  // namespace

std::string FedPoint::json() const {
  return fmt::format(
      R"({{"meta_time":{},"track":"{}","chassis":"{}","lap":{},"sector":{},"speed_kmh":{},"w":{}}})",
      time_ms, track, chassis, lap, sector, speed, w);
}

std::vector<std::pair<std::string, std::string>> FedPoint::fields() const {
  return {{"meta_time", std::to_string(time_ms)},
          {"track", track},
          {"chassis", chassis},
          {"lap", std::to_string(lap)},
          {"sector", std::to_string(sector)},
          {"speed_kmh", fmt::format("{}", speed)},
          {"w", std::to_string(w)}};
}

std::vector<FedPoint> drive(std::uint64_t seed, std::size_t points, std::uint32_t cars,
                            std::int64_t begin_ms) {
  std::mt19937_64 random(seed);
  std::vector<int> length;  // of a sector, in points
  for (std::uint32_t c = 0; c < cars; ++c) length.push_back(static_cast<int>(13 + random() % 30));
  std::vector<FedPoint> out;
  for (std::size_t i = 0; i < points; ++i) {
    const auto car = static_cast<std::uint32_t>(i % cars);
    const auto step = static_cast<int>(i / cars);
    const int sectors = step / length[car];
    out.push_back({.chassis = fmt::format("{}", 100 + car),  // looks like a number, and is none
                   .lap = sectors / 3,
                   .sector = sectors % 3,
                   .time_ms = begin_ms + step * 40,
                   .speed = static_cast<double>(random() % 30'000) / 100,
                   .w = static_cast<std::uint32_t>(random() % 1'000'000)});
  }
  return out;
}

std::string add(harness::RedisServer& server, const std::string& stream,
                const std::vector<std::pair<std::string, std::string>>& fields) {
  const auto connection = connect(server);
  CommandBuffer& commands = connection->commands();
  commands.begin(3 + 2 * fields.size());
  for (const std::string_view part :
       {std::string_view("XADD"), std::string_view(stream), std::string_view("*")}) {
    commands.arg(part);
  }
  for (const auto& [name, value] : fields) {
    commands.arg(name);
    commands.arg(value);
  }
  return receive_added(*connection);
}

void add_all(harness::RedisServer& server, const std::string& stream,
             const std::vector<FedPoint>& points) {
  const auto connection = connect(server);
  CommandBuffer& commands = connection->commands();
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i % 2 == 0) {
      const std::string json = points[i].json();
      commands.command({"XADD", stream, "*", "data", json});
    } else {
      const auto fields = points[i].fields();
      commands.begin(3 + 2 * fields.size());
      commands.arg("XADD");
      commands.arg(stream);
      commands.arg("*");
      for (const auto& [name, value] : fields) {
        commands.arg(name);
        commands.arg(value);
      }
    }
    if ((i + 1) % kPerWrite != 0 && i + 1 != points.size()) continue;
    while (connection->outstanding() > 0) receive_added(*connection);
  }
}

std::vector<std::map<std::string, std::string>> entries(const CallRedis& call,
                                                        const std::string& stream) {
  std::vector<std::map<std::string, std::string>> out;
  std::string from = "-";
  while (true) {
    const RedisReply page = call({"XRANGE", stream, from, "+", "COUNT", "5000"});
    const ReplyView view = page.view();
    if (view.size() == 0) return out;
    for (std::size_t i = 0; i < view.size(); ++i) {
      auto& entry = out.emplace_back();
      const ReplyView fields = view[i][1];
      for (std::size_t f = 0; f + 1 < fields.size(); f += 2) {
        entry[std::string(fields[f].text())] = fields[f + 1].text();
      }
    }
    from = "(" + std::string(view[view.size() - 1][0].text());
  }
}

std::vector<SeenRollup> rollups(const CallRedis& call, const std::string& stream) {
  std::vector<SeenRollup> out;
  simdjson::dom::parser parser;
  for (const auto& entry : entries(call, stream)) {
    if (entry.contains("mark")) continue;
    const simdjson::dom::element root = parser.parse(entry.at("payload"));
    SeenRollup rollup;
    for (const auto member : root.get_object()) {
      const std::string name(member.key);
      if (name == "window") rollup.window = std::string_view(member.value);
      if (name == "window_id") rollup.id = std::string_view(member.value);
      if (name == "chassis") rollup.chassis = std::string_view(member.value);
      if (name == "first_ts") rollup.first_ts = std::string_view(member.value);
      if (name == "last_ts") rollup.last_ts = std::string_view(member.value);
      if (name == "lap") rollup.lap = static_cast<int>(std::int64_t{member.value});
      if (name == "sector") rollup.sector = static_cast<int>(std::int64_t{member.value});
      if (name == "count") rollup.count = static_cast<std::uint64_t>(std::int64_t{member.value});
      double figure = 0;
      if (name.find('_') == 3 && member.value.get(figure) == simdjson::SUCCESS) {
        rollup.figures[name] = figure;
      }
    }
    out.push_back(std::move(rollup));
  }
  return out;
}

std::map<std::string, std::vector<SeenRollup>> expected_buckets(const std::vector<FedPoint>& points,
                                                                std::size_t limit) {
  std::map<std::string, std::vector<FedPoint>> open;
  std::map<std::string, std::vector<SeenRollup>> out;
  const auto close = [&](const std::string& chassis) {
    auto& bucket = open[chassis];
    if (bucket.empty()) return;
    SeenRollup rollup{.window = "bucket",
                      .id = {},
                      .chassis = chassis,
                      .lap = bucket.front().lap,
                      .sector = bucket.front().sector,
                      .count = bucket.size(),
                      .first_ts = iso_time(bucket.front().time_ms * 1'000'000),
                      .last_ts = iso_time(bucket.back().time_ms * 1'000'000),
                      .figures = {}};
    double speeds = 0;
    double ws = 0;
    double most = -INFINITY;
    for (const auto& point : bucket) {
      speeds += point.speed;
      ws += point.w;
      most = std::max(most, point.speed);
    }
    const auto count = static_cast<double>(bucket.size());
    rollup.figures = {
        {"avg_speed_kmh", speeds / count}, {"avg_w", ws / count}, {"max_speed_kmh", most}};
    out[chassis].push_back(std::move(rollup));
    bucket.clear();
  };
  for (const auto& point : points) {
    auto& bucket = open[point.chassis];
    if (!bucket.empty() &&
        (bucket.front().lap != point.lap || bucket.front().sector != point.sector)) {
      close(point.chassis);
    }
    bucket.push_back(point);
    if (bucket.size() == limit) close(point.chassis);
  }
  for (const auto& [chassis, bucket] : open) close(chassis);
  return out;
}

void expect_same(const std::vector<SeenRollup>& seen,
                 const std::map<std::string, std::vector<SeenRollup>>& expected) {
  std::map<std::string, std::vector<SeenRollup>> by_car;
  std::set<std::string> ids;
  for (const auto& rollup : seen) {
    by_car[rollup.chassis].push_back(rollup);
    EXPECT_TRUE(ids.insert(rollup.id).second) << "twice: " << rollup.id;
  }
  ASSERT_EQ(by_car.size(), expected.size());
  for (const auto& [car, rollups] : expected) {
    ASSERT_EQ(by_car[car].size(), rollups.size()) << car;
    for (std::size_t i = 0; i < rollups.size(); ++i) {
      const SeenRollup& is = by_car[car][i];
      const SeenRollup& should = rollups[i];
      ASSERT_EQ(std::tie(is.lap, is.sector, is.count, is.first_ts, is.last_ts),
                std::tie(should.lap, should.sector, should.count, should.first_ts, should.last_ts))
          << car << " rollup " << i;
      for (const auto& [name, value] : should.figures) {
        ASSERT_NEAR(is.figures.at(name), value, 1e-6) << car << " rollup " << i << " " << name;
      }
    }
  }
}

std::int64_t unacknowledged(const CallRedis& call, const std::string& stream,
                            const std::string& group) {
  const RedisReply groups = call({"XINFO", "GROUPS", stream});
  for (std::size_t i = 0; i < groups.view().size(); ++i) {
    const ReplyView view = groups.view()[i];
    if (view.member("name").text() != group) continue;
    // The server's own count of what is not delivered is wrong after it has read its AOF.
    const RedisReply behind =
        call({"XRANGE", stream, "(" + std::string(view.member("last-delivered-id").text()), "+",
              "COUNT", "1"});
    return view.member("pending").integer() + static_cast<std::int64_t>(behind.view().size());
  }
  return -1;
}

std::string lease(const CallRedis& call, const std::string& stream) {
  return std::string(call({"GET", stream + ".ingestors.lease"}).view().text());
}

std::string telemetry_stream(std::uint32_t partition) {
  return fmt::format("telemetry.stream:{{{}}}", partition);
}

bool all_acknowledged(const CallRedis& call, std::uint32_t partitions) {
  for (std::uint32_t p = 0; p < partitions; ++p) {
    if (unacknowledged(call, telemetry_stream(p)) != 0) return false;
  }
  return true;
}

std::vector<std::string> members(const CallRedis& call) {
  const RedisReply names = call({"ZRANGE", "telemetry.stream.ingestors.instances", "0", "-1"});
  std::vector<std::string> all;
  for (std::size_t i = 0; i < names.view().size(); ++i) all.emplace_back(names.view()[i].text());
  return all;
}

bool has_members(const CallRedis& call, const std::vector<pid_t>& processes) {
  const auto names = members(call);
  return names.size() == processes.size() && std::ranges::all_of(processes, [&](pid_t process) {
           return std::ranges::any_of(names, [&](const std::string& name) {
             return name.contains(fmt::format("-{}-", process));
           });
         });
}

bool owns_all(const CallRedis& call, std::uint32_t partitions, pid_t process) {
  for (std::uint32_t p = 0; p < partitions; ++p) {
    if (!lease(call, telemetry_stream(p)).contains(fmt::format("-{}-", process))) return false;
  }
  return true;
}

std::map<std::string, Sum> fed_sums(const CallRedis& call, std::uint32_t partitions) {
  std::map<std::string, Sum> sums;
  simdjson::dom::parser parser;
  for (std::uint32_t p = 0; p < partitions; ++p) {
    for (const auto& entry : entries(call, telemetry_stream(p))) {
      std::istringstream lines(entry.contains("data") ? entry.at("data") : entry.at("points"));
      for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(kMarkBegin)) continue;
        const simdjson::dom::element point = parser.parse(line);
        Sum& sum = sums[std::string(std::string_view(point["chassis"]))];
        ++sum.count;
        sum.w += static_cast<double>(std::int64_t{point["w"]});
      }
    }
  }
  return sums;
}

std::map<std::string, std::map<std::string, Sum>> rolled_sums(const CallRedis& call,
                                                              std::uint32_t partitions) {
  std::map<std::string, std::map<std::string, Sum>> sums;
  std::set<std::string> ids;
  for (std::uint32_t p = 0; p < partitions; ++p) {
    for (const auto& stream :
         {fmt::format("aggregates.stream:{{{}}}", p), telemetry_stream(p) + ".ingestors.rollups"}) {
      for (const auto& rollup : rollups(call, stream)) {
        EXPECT_TRUE(ids.insert(rollup.id).second) << "twice: " << rollup.id;
        Sum& sum = sums[rollup.window][rollup.chassis];
        sum.count += rollup.count;
        sum.w += std::round(rollup.figures.at("avg_w") * static_cast<double>(rollup.count));
      }
    }
  }
  return sums;
}

std::multiset<std::string> fed_marks(const CallRedis& call, std::uint32_t partitions) {
  std::multiset<std::string> texts;
  for (std::uint32_t p = 0; p < partitions; ++p) {
    for (const auto& entry : entries(call, telemetry_stream(p))) {
      const auto data = entry.find("data");
      if (data == entry.end() || !data->second.starts_with(kMarkBegin)) continue;
      texts.emplace(json_string_body(json_member(data->second, "text")));
    }
  }
  return texts;
}

std::multiset<std::string> stored_marks(std::uint16_t port) {
  const auto page = harness::http(port, "GET", "/api/marks?limit=1000").body;
  std::multiset<std::string> texts;
  JsonScan marks(json_member(page, "marks"));
  while (const auto mark = marks.next()) {
    texts.emplace(json_string_body(json_member(mark->value, "text")));
  }
  return texts;
}

void expect_exactly_once(const CallRedis& call, std::uint32_t partitions,
                         const std::vector<std::string>& windows) {
  const auto fed = fed_sums(call, partitions);
  const auto rolled = rolled_sums(call, partitions);
  ASSERT_FALSE(fed.empty());
  for (const auto& window : windows) {
    ASSERT_TRUE(rolled.contains(window)) << window;
    for (const auto& [car, sum] : fed) {
      const auto found = rolled.at(window).find(car);
      ASSERT_NE(found, rolled.at(window).end()) << window << " " << car;
      EXPECT_EQ(found->second, sum) << window << " " << car;
    }
  }
}

}  // namespace slipstream::streams
