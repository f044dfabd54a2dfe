#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/backoff.h"
#include "base/error.h"
#include "model/rollup_outbox.h"

namespace slipstream {

/// Rows of one shard, oldest first, none of them left out.
struct Shipment {
  const std::string& writer;  ///< who counts the rows' ids
  const std::string& shard;
  std::span<const OutboxRow> rows;  ///< never empty
};

/// How far a shipment got.
struct Sent {
  std::size_t rows = 0;         ///< from the first on: the destination has them for good
  std::uint64_t repeated = 0;   ///< rollups in those that it had before, and did not take twice
  std::uint64_t expired = 0;    ///< likewise, that were dropped, since they waited too long
  std::optional<Error> failed;  ///< why the others were not sent; nothing: all were
  /// They were not sent because interrupt() ended the wait for them: that is no failure.
  bool was_interrupted = false;
};

/// The way to one destination of closed windows: Redis's aggregates, a webhook, another instance.
///
/// Rows may be sent again: those that the destination has and that could not be removed from the
/// outbox (the process was killed in between). A row is known by its writer and id. A destination
/// that notes the newest id of each writer and shard together with what it takes, and leaves out
/// rows up to there, has each rollup exactly once; another one has it once at least.
/// Threads: send() on one, the sender's own, where it may wait for about a second; interrupt(),
/// returns() and destination() any.
class RollupSender {
 public:
  virtual ~RollupSender() = default;
  /// Its name, which rollups it gets, and how they are sharded. The same for all its life.
  virtual const RollupDestination& destination() const = 0;
  virtual Sent send(const Shipment& shipment) = 0;
  /// How long it waits before it tries again what has failed.
  virtual Backoff::Options backoff() const { return {}; }
  /// About how much it is given at once; a row at least.
  virtual std::size_t bytes_at_once() const { return std::size_t{1} << 20; }
  /// Ends a send() that waits for the destination.
  virtual void interrupt() {}
  /// How often the destination was found to answer again after it did not: a shard that waits for
  /// its next try is then tried at once. 0: that is never known.
  virtual std::uint64_t returns() const { return 0; }
};

}  // namespace slipstream
