#pragma once
#include <memory>
#include <string>

#include "app/component.h"
#include "app/durable_parts.h"
#include "broadcast/rollup_memory.h"
#include "net/io_thread.h"

namespace slipstream {

/// Where closed windows are read: the store's file, which this instance has to itself, and the
/// memory of windows that are not stored. StoreWriterComponent writes both.
class StoreComponent final : public Component {
 public:
  /// `destinations`: what gets rollups out of the store.
  /// Puts lock and store into `durable`, which outlives it. Errors: kRefused, another has the
  /// directory; it cannot be written.
  static Result<std::unique_ptr<StoreComponent>> open(DurableParts& durable, IoThread& queries,
                                                      std::vector<RollupDestination> destinations);

  std::string_view name() const override { return "store"; }
  void routes(HttpServer& http) override;
  void health(HealthPage& page) const override;

  const RollupStore& store() const { return *durable_.store; }
  RollupMemory& memory() { return memory_; }
  const RollupMemory& memory() const { return memory_; }
  /// The error, with what to do about it where it comes of damage that showed when the store was
  /// read.
  Error with_advice(Error error) const;

 private:
  StoreComponent(DurableParts& durable, IoThread& queries, std::string instance);

  DurableParts& durable_;
  IoThread& queries_;
  const std::string instance_;
  RollupMemory memory_;
};

}  // namespace slipstream
