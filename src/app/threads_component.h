#pragma once
#include "app/component.h"
#include "net/io_thread.h"

namespace slipstream {

/// The two threads that several components work on: connections and timers on one, what asks the
/// store, which may take a while, on the other.
class ThreadsComponent final : public Component {
 public:
  std::string_view name() const override { return "threads"; }
  void start() override;
  /// Cuts off what is still open.
  bool stop() override;

  IoThread& io() { return io_; }
  IoThread& queries() { return queries_; }

 private:
  IoThread io_{"io"};
  IoThread queries_{"queries"};
};

}  // namespace slipstream
