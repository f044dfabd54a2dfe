#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "model/observer.h"
#include "simulation/memory_log.h"

namespace slipstream::simulation {

/// Stands for a sequence of points and marks: other ones, or another order, give another number.
class EntryOrder {
 public:
  explicit EntryOrder(std::uint64_t hash = 0) : hash_(hash) {}
  void point(std::uint32_t weight_a, std::uint32_t weight_b);
  void mark(std::string_view text);
  /// Points and marks of the entry, in their order.
  void entry(const MemoryEntry& entry);
  std::uint64_t hash() const { return hash_; }

 private:
  std::uint64_t hash_;
};

/// An observer with a state, which is the order of all that it was told of. `now` is what it is, of
/// whichever of a partition's observers was told or restored last.
class OrderObserver final : public PartitionObserver, public ObserverState {
 public:
  explicit OrderObserver(std::uint64_t& now) : now_(now) {}

  std::string_view name() const override { return "order"; }
  void observe(const PointBatch& batch, std::span<const Point> points) override;
  void observe_mark(const Mark& mark) override;
  void tick(SteadyTime) override {}
  void forget(std::uint32_t) override {}
  ObserverState* state() override { return this; }
  void save(std::string& out) const override;
  Result<void> restore(std::string_view bytes) override;
  void clear() override { set(EntryOrder()); }

 private:
  void set(EntryOrder order) {
    order_ = order;
    now_ = order.hash();
  }
  EntryOrder order_;
  std::uint64_t& now_;
};

/// An observer without a state, for who looks on: is told of each mark at most once.
class MarkOnlooker final : public PartitionObserver {
 public:
  using Told = std::function<void(const std::string& text)>;
  explicit MarkOnlooker(Told told) : told_(std::move(told)) {}

  std::string_view name() const override { return "onlooker"; }
  void observe(const PointBatch&, std::span<const Point>) override {}
  void observe_mark(const Mark& mark) override { told_(mark.text); }
  void tick(SteadyTime) override {}
  void forget(std::uint32_t) override {}

 private:
  const Told told_;
};

}  // namespace slipstream::simulation
