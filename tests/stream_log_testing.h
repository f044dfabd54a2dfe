#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "base/iso_time.h"
#include "harness.h"
#include "model/point.h"
#include "redis_server.h"
#include "stream_feed.h"

/// What tests of DURABLE_LOG=redis send, and find in the streams.
namespace slipstream::stream_log {

using harness::RedisServer;
using streams::FedPoint;
using streams::kBegin;
using streams::telemetry_stream;

inline constexpr std::uint32_t kPartitions = 4;

using Environment = std::map<std::string, std::string>;
inline Environment environment(const RedisServer& redis, bool is_consuming) {
  return {{"REDIS_URL", redis.url()},
          {"DURABLE_LOG", "redis"},
          {"STREAM_PARTITIONS", std::to_string(kPartitions)},
          {"INGEST_CONSUME", is_consuming ? "true" : "false"},
          {"BUCKET_IDLE_MS", "600000"}};
}

inline std::string body_of(std::span<const FedPoint> points) {
  std::string body;
  for (const auto& point : points) body += point.json() + "\n";
  return body;
}

inline harness::HttpAnswer post(std::uint16_t port, const std::string& body,
                                const std::string& key = {}, const std::string& query = {}) {
  harness::Headers headers = {{"Content-Type", "application/x-ndjson"}};
  if (!key.empty()) headers.emplace_back("Idempotency-Key", key);
  return harness::http(port, "POST", "/api/ingest" + query, body, headers);
}

/// A point, told from every other one.
using PointName = std::tuple<std::string, std::int64_t, std::int64_t>;
inline PointName name_of(const FedPoint& point) {
  return {point.chassis, point.time_ms, point.w};
}
inline PointName name_of(simdjson::dom::element point) {
  const auto ns = parse_iso_time(std::string_view(point["meta_time"]));
  return {std::string(std::string_view(point["chassis"])), ns.value_or(0) / 1'000'000, point["w"]};
}
inline std::multiset<PointName> names_of(const std::vector<FedPoint>& points) {
  std::multiset<PointName> names;
  for (const auto& point : points) names.insert(name_of(point));
  return names;
}

inline bool is_warming(const PointName& name) {
  return std::get<0>(name).starts_with("warm");
}

/// All points in the streams; each must be in its series' one.
inline std::multiset<PointName> in_streams(RedisServer& redis) {
  std::multiset<PointName> names;
  simdjson::dom::parser parser;
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    for (const auto& entry : streams::entries(redis, telemetry_stream(p))) {
      for (auto point : parser.parse_many(entry.at("points"))) {
        const auto name = name_of(point.value());
        EXPECT_EQ(series_hash("cota", std::get<0>(name)) % kPartitions, p);
        if (!is_warming(name)) names.insert(name);
      }
    }
  }
  return names;
}

inline FedPoint warming_point(std::uint32_t partition) {
  for (int i = 0;; ++i) {
    FedPoint point{.chassis = fmt::format("warm-{}", i), .time_ms = kBegin};
    if (series_hash(point.track, point.chassis) % kPartitions == partition) return point;
  }
}

}  // namespace slipstream::stream_log
