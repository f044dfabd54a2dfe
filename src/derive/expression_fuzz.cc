#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "derive/expression.h"

/// Whatever the text is, it is compiled or told what is wrong within it; what it gives is a number.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipstream;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Schema schema;
  PointInputs inputs(schema);
  auto expression = Expression::compile(text, true, inputs);
  if (!expression) {
    if (expression.error().at > size) std::abort();
    return 0;
  }
  FunctionMemories memories;
  expression->append_fresh(memories);
  PointBatch batch;
  for (FieldId id = 0; id < schema.fields().size(); ++id) batch.values.push_back({id + 0.5, id});
  Point point{};
  point.value_count = static_cast<std::uint16_t>(batch.values.size());
  for (int i = 0; i < 3; ++i) {
    point.event_time.ns += kNsPerSecond;
    inputs.load(batch, point);
    const auto value = expression->evaluate(memories);
    if (value && !std::isfinite(*value)) std::abort();
  }
  return 0;
}
