#pragma once
#include "app/component.h"
#include "base/heap.h"
#include "net/io_thread.h"

namespace slipstream {

/// Gives freed memory back to the system.
class HeapComponent final : public Component {
 public:
  /// It takes some tens of milliseconds a gigabyte of `queries`, which outlives this.
  explicit HeapComponent(IoThread& queries) : queries_(queries) {}

  std::string_view name() const override { return "heap"; }
  void start() override;

 private:
  IoThread& queries_;
  HeapKeeper keeper_;  ///< the queries thread's
};

}  // namespace slipstream
