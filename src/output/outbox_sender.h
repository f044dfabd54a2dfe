#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/agent.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/retry.h"
#include "model/rollup_outbox.h"
#include "output/rollup_sender.h"

namespace slipstream {

/// Of one destination. Any thread.
struct OutboxSenderStats {
  Counter sent;      ///< rollups that the destination has
  Counter expired;   ///< rollups and alerts that were dropped, since they waited too long
  Counter repeated;  ///< rollups sent again that it had already
  Counter failures;
  Gauge failing;          ///< shards that cannot be sent
  LatencyHistogram send;  ///< rows' way to the destination and back
};

/// Brings one destination what waits for it in the outbox: reads rows, hands them to its
/// RollupSender, removes what that has sent. While a shard cannot be sent its rows wait in the
/// outbox and are tried again, after waits that grow; the other shards go on. Each destination has
/// a sender and a thread of its own, so that a slow or dead one holds up no other.
/// Threads: poll(), idle() on its own; flush() when that has ended; the rest from any.
class OutboxSender final : public SignalledAgent {
 public:
  using Warn = std::function<void(const std::string&)>;

  /// `outbox` is that of the sender's destination, and outlives this.
  OutboxSender(RollupOutbox& outbox, std::unique_ptr<RollupSender> sender, const Clock& clock,
               Warn warn);

  std::size_t poll(std::size_t budget) override;
  /// Also ends a wait for the destination.
  void wake() override;
  /// Sends what waits, again what it was woken from; false where something is left at the deadline,
  /// for the next start. Tries nothing that fails at the moment.
  bool flush(std::chrono::milliseconds limit);

  const std::string& name() const { return sender_->destination().name; }
  const OutboxSenderStats& stats() const { return stats_; }
  /// What waits.
  const OutboxStats& waiting() const { return outbox_.stats(); }
  /// Empty: there was none.
  std::string last_error() const;

 private:
  struct Shard {
    explicit Shard(Backoff::Options backoff) : retry(backoff) {}

    Retry retry;
    bool is_failing = false;
  };

  /// Returns how many rows went.
  std::size_t send(const std::string& name, Shard& shard);
  Sent ship(const std::string& name);
  void succeeded(const std::string& name, Shard& shard);
  std::string called(const std::string& shard) const;
  void failed(const std::string& name, Shard& shard, std::string why);

  RollupOutbox& outbox_;
  const std::unique_ptr<RollupSender> sender_;
  const Clock& clock_;
  const Warn warn_;
  OutboxSenderStats stats_;
  std::map<std::string, Shard> shards_;
  mutable std::mutex mutex_;  // guards last_error_
  std::string last_error_;
};

}  // namespace slipstream
