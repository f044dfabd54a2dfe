#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/parts.h"
#include "app/rates.h"
#include "app/recovery.h"

namespace slipstream {

/// How far a stop is.
struct StopProgress {
  std::uint64_t steps = 0;  ///< points folded, windows closed, bytes logged, rows stored: it grows
  bool is_committing = false;   ///< a step that may be a long one
  std::uint64_t rows = 0;       ///< of rollups and series, stored so far
  std::uint64_t rows_left = 0;  ///< about: of open windows, too
};

/// A running server: puts the parts together, and takes them apart in the order in which nothing is
/// lost. Threads: one, but for what says otherwise.
class Topology {
 public:
  /// Starts everything, sources last. Errors: an address in use, a data directory not writable ...
  /// The log is read again first where the last run did not end well.
  static Result<std::unique_ptr<Topology>> start(
      Config config, const RecoveryProgress& progress = [](std::uint64_t, std::uint64_t) {});
  ~Topology();

  /// Stops the sources, folds what they handed over, closes the windows, writes and sends what they
  /// gave, closes the connections. Bounded to about 4 s, but for what the windows of very many
  /// machines take to be closed and stored. False: something that was taken is given up, since it
  /// could not be written; that is logged.
  bool stop();
  /// What a stop has done and has before it. Any thread.
  StopProgress stop_progress() const;
  /// Reads the sector table and the certificate again. Of what is bad now the old stays.
  void reload();

  std::uint16_t port() const { return parts_->http->port(); }
  /// Of the first UDP source; 0 where there is none.
  std::uint16_t udp_port() const {
    return parts_->udp.empty() ? std::uint16_t{0} : parts_->udp.front()->port();
  }
  const Parts& parts() const { return *parts_; }

 private:
  explicit Topology(Config config);
  Error with_advice(Error error) const;
  Result<void> build_store();
  Result<void> build_pipeline(const RecoveryProgress& progress);
  void build_live_pipeline();
  Result<void> build_folding_pipeline(const RecoveryProgress& progress);
  Result<void> build_sources();
  Result<void> build_udp_source(const Config::UdpSource& settings);
  void report(const Recovered& recovered) const;
  void report_left(bool is_logged) const;
  void start_threads();
  void start_timers();
  void tell_clock_step();
  void log_periodic_line();
  void reload_certificate();

  std::unique_ptr<Parts> parts_;
  Rates rates_;           ///< on the I/O thread: of the last second
  RateMeter rate_meter_;  ///< likewise
  RateMeter line_meter_;  ///< likewise: of the periodic log line
  bool running_ = false;
};

}  // namespace slipstream
