#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/agent.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/retry.h"
#include "model/rollup_outbox.h"
#include "redis/servers.h"
#include "redis_streams/own_rollups.h"

namespace slipstream {

/// Any thread.
struct AggregateSinkStats {
  Counter sent;      ///< rollups that Redis has
  Counter repeated;  ///< rollups sent again that it had already
  Counter failures;
  Gauge failing;          ///< streams that cannot be written
  LatencyHistogram send;  ///< rows' way to Redis and back
};

/// Sends the outbox of the embedded log to the aggregates streams, each rollup once: with a row its
/// id is noted in Redis, in one script, and a row whose id is noted is not written again. While a
/// stream cannot be written its rows wait in the outbox; the others go on.
/// Threads: poll(), idle() on its own; flush() when that has ended; the rest from any.
class AggregateSink final : public SignalledAgent {
 public:
  struct Options {
    std::uint64_t maxlen = 200'000;  ///< of a stream
  };
  using Warn = std::function<void(const std::string&)>;

  AggregateSink(RedisServers& servers, RollupOutbox& outbox, Options options, const Clock& clock,
                Warn warn);

  std::size_t poll(std::size_t budget) override;
  /// Also ends a wait for Redis.
  void wake() override;
  /// Sends what waits, again what it was woken from; false where something is left at the deadline,
  /// for the next start. Tries nothing that fails at the moment.
  bool flush(std::chrono::milliseconds limit);

  /// What it sends, to be known again where it is read.
  const OwnRollups& own_rollups() const { return own_rollups_; }
  const AggregateSinkStats& stats() const { return stats_; }
  std::string last_error() const;

 private:
  struct Stream {
    Retry retry;
    bool is_failing = false;
  };

  /// Returns how many rows went.
  std::size_t send(const std::string& name, Stream& stream);
  void set_waiting_on(RedisConnection* connection);
  Result<std::size_t> write(const std::string& name, const std::vector<OutboxRow>& rows);
  void note_own(std::string_view rollup);
  void queue(CommandBuffer& commands, const std::string& name, const std::string& sent,
             const OutboxRow& row, std::uint64_t previous);

  RedisServers& servers_;
  RollupOutbox& outbox_;
  const std::string maxlen_;
  const Clock& clock_;
  const Warn warn_;
  AggregateSinkStats stats_;
  OwnRollups own_rollups_;
  std::map<std::string, Stream> streams_;
  mutable std::mutex mutex_;  // guards all below
  std::string last_error_;
  RedisConnection* waiting_on_ = nullptr;
  bool was_woken_ = false;  ///< while it waited
};

}  // namespace slipstream
