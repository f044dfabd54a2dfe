#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "derive/expression.h"

namespace slipstream::derive_testing {

/// What a test says of a point.
struct Reading {
  std::vector<std::pair<std::string, double>> values = {};
  std::int64_t ms = 0;
  std::int16_t lap = 1;
  std::int32_t sector = 0;
};

/// A batch of that one point, of the machine "GR86-N" on cota where N is `machine`.
inline PointBatch batch_of(const Reading& reading, Schema& schema, std::uint32_t machine = 0) {
  PointBatch batch;
  const std::string chassis = "GR86-" + std::to_string(machine);
  batch.text = "cota" + chassis;
  Point point{};
  point.track = {0, 4};
  point.chassis = {4, static_cast<std::uint32_t>(chassis.size())};
  point.series = point.machine = machine;
  point.series_hash = series_hash("cota", chassis);
  point.event_time = {reading.ms * kNsPerMs};
  point.arrival_time = {reading.ms * kNsPerMs};
  point.lap = reading.lap;
  point.sector = reading.sector;
  for (const auto& [name, value] : reading.values) {
    batch.values.push_back({value, *schema.fields().intern(name)});
  }
  point.value_count = static_cast<std::uint16_t>(batch.values.size());
  batch.points.push_back(point);
  return batch;
}

/// An expression with one series' memory.
class OneExpression {
 public:
  explicit OneExpression(std::string_view text) : inputs_(schema_) {
    auto compiled = Expression::compile(text, false, inputs_);
    CHECK(compiled.has_value(), "a test's expression is a good one");
    expression_.emplace(std::move(*compiled));
    expression_->append_fresh(memories_);
  }
  std::optional<double> take(const Reading& reading) {
    const PointBatch batch = batch_of(reading, schema_);
    inputs_.load(batch, batch.points.front());
    return expression_->evaluate(memories_);
  }

 private:
  Schema schema_;
  PointInputs inputs_;
  std::optional<Expression> expression_;
  FunctionMemories memories_;
};

}  // namespace slipstream::derive_testing
