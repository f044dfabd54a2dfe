#include "simulation/entry_order.h"

#include "base/bytes.h"
#include "base/check.h"
#include "model/point.h"

namespace slipstream::simulation {

void EntryOrder::point(std::uint32_t weight_a, std::uint32_t weight_b) {
  mark(std::to_string(weight_a) + "/" + std::to_string(weight_b));
}

void EntryOrder::mark(std::string_view text) {
  hash_ = series_hash(std::to_string(hash_), text);
}

void EntryOrder::entry(const MemoryEntry& entry) {
  auto next = entry.marks.begin();
  for (std::size_t i = 0; i <= entry.points.size(); ++i) {
    for (; next != entry.marks.end() && next->after == i; ++next) mark(next->text);
    if (i < entry.points.size()) point(entry.points[i].weight_a, entry.points[i].weight_b);
  }
}

void OrderObserver::observe(const PointBatch& batch, std::span<const Point> points) {
  EntryOrder order = order_;
  for (const Point& point : points) {
    const Value* const values = batch.values_begin(point);
    order.point(static_cast<std::uint32_t>(values[0].value),
                static_cast<std::uint32_t>(values[1].value));
  }
  set(order);
}

void OrderObserver::observe_mark(const Mark& mark) {
  EntryOrder order = order_;
  order.mark(mark.text);
  set(order);
}

void OrderObserver::save(std::string& out) const {
  ByteWriter(out).fixed(order_.hash());
}

Result<void> OrderObserver::restore(std::string_view bytes) {
  ByteReader in(bytes);
  set(EntryOrder(in.fixed<std::uint64_t>()));
  CHECK(in.ok(), "a state is what was saved");
  return {};
}

}  // namespace slipstream::simulation
