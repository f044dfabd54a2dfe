#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "model/ingest_stats.h"
#include "model/sinks.h"

namespace slipstream::source_testing {

/// A pipeline that keeps what it is offered, or is full.
class KeptPoints final : public PointSink {
 public:
  explicit KeptPoints(IngestStats& stats) : stats_(stats) {}
  std::uint32_t partitions() const override { return 3; }
  bool offer(PointBatchPtr& batch) override {
    if (full) return false;
    keep(std::move(batch));
    return true;
  }
  std::expected<LogOffset, Refusal> offer_all(Body& body) override {
    if (full) return std::unexpected(Refusal::kFull);
    for (auto& batch : body.batches) keep(std::move(batch));
    return LogOffset{1};
  }
  void when_durable(LogOffset, Durability, std::function<void(bool)> done) override { done(true); }

  bool full = false;
  std::vector<std::string> jsons;
  std::vector<std::string> chassis;

 private:
  void keep(PointBatchPtr batch) {
    stats_.of(batch->points.front().source).accepted.add(batch->points.size());
    for (const auto& point : batch->points) {
      jsons.emplace_back(batch->json(point));
      chassis.emplace_back(batch->chassis(point));
    }
  }
  IngestStats& stats_;
};

/// A text that gets its point refused, between two good ones.
struct BadInput {
  RejectReason reason;
  std::string text;
};

/// One for each reason that lies in the text itself.
inline std::vector<BadInput> bad_points() {
  return {
      {RejectReason::kMalformedJson, R"({"track":"cota","chassis":)"},
      {RejectReason::kNotAnObject, "7"},
      {RejectReason::kMissingDimension, R"({"track":"cota","lap":1})"},
      {RejectReason::kBadNumber, R"({"track":"cota","chassis":"x","speed_kmh":"fast"})"},
      {RejectReason::kOutOfRange, R"({"track":"cota","chassis":"x","speed_kmh":900})"},
      {RejectReason::kBadTime, R"({"track":"cota","chassis":"x","meta_time":"yesterday"})"},
      {RejectReason::kFutureTime, R"({"track":"cota","chassis":"x","meta_time":"2099-01-01"})"},
      {RejectReason::kTooLarge,
       R"({"track":"cota","chassis":"x","note":")" + std::string(2'000, 'n') + "\"}"},
  };
}

inline SchemaOptions strict_schema() {
  SchemaOptions options;
  options.ranges = {{"speed_kmh", {.min = 0, .max = 500}}};
  options.max_point_bytes = 1'000;
  return options;
}

inline std::string good_point(std::string_view chassis) {
  return R"({"track":"cota","chassis":")" + std::string(chassis) + R"(","speed_kmh":100})";
}

}  // namespace slipstream::source_testing
