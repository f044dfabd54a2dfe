#pragma once
#include <cstdint>
#include <memory>

#include "app/basics.h"
#include "app/component.h"
#include "app/connection_budget.h"
#include "app/durable_parts.h"
#include "app/recovery.h"

namespace slipstream {

/// A running server: the list of its components, which it opens, starts and stops in the order in
/// which nothing is lost. Threads: one, but for what says otherwise.
class Topology {
 public:
  /// Starts everything, sources last. Errors: an address in use, a data directory not writable ...
  /// The log is read again first where the last run did not end well.
  static Result<std::unique_ptr<Topology>> start(
      Config config, const RecoveryProgress& progress = [](std::uint64_t, std::uint64_t) {});
  ~Topology();

  /// Stops the sources, folds what they handed over, closes the windows, writes and sends what they
  /// gave, closes the connections. Each component bounds its part: some 7 s in all at the worst
  /// (Redis slow, clients that do not answer), but for what the windows of very many machines take
  /// to be closed and stored. False: something that was taken is given up, since it
  /// could not be written; that is logged.
  bool stop();
  /// What a stop has done and has before it. Any thread.
  StopProgress stop_progress() const;
  /// Reads the sector table and the certificate again. Of what is bad now the old stays.
  void reload();
  /// Any thread.
  Totals totals() const;

  std::uint16_t port() const;
  /// Of the first UDP source; 0 where there is none.
  std::uint16_t udp_port() const;
  const IngestStats& ingest() const { return durable_.ingest; }
  const ComponentList& components() const { return components_; }

 private:
  explicit Topology(Config config);
  Result<void> open(const ConnectionBudget& budget, const RecoveryProgress& progress);

  DurableParts durable_;
  ComponentList components_;  ///< last: they borrow from all above
  bool running_ = false;
};

}  // namespace slipstream
