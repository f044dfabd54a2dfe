#pragma once
#include <mutex>
#include <string>
#include <string_view>

#include "model/own_rollups.h"
#include "output/rollup_sender.h"
#include "redis/servers.h"

namespace slipstream {

/// Sends to the aggregates streams, of which each is a shard, each rollup once: with a row its id
/// is noted in Redis, in one script, and a row whose id is noted is not written again. Threads: as
/// RollupSender says.
class RedisAggregates final : public RollupSender {
 public:
  /// `maxlen`: entries kept in a stream. `own` is told of what is sent, to be known again where the
  /// streams are read. All but the values outlives this.
  RedisAggregates(RedisServers& servers, RollupDestination destination, std::uint64_t maxlen,
                  OwnRollups& own);

  const RollupDestination& destination() const override { return destination_; }
  Sent send(const Shipment& shipment) override;
  void interrupt() override;
  std::uint64_t returns() const override { return servers_.returns(); }

 private:
  void set_waiting_on(RedisConnection* connection);
  void queue(CommandBuffer& commands, const Shipment& shipment, const std::string& sent_key,
             const OutboxRow& row, std::uint64_t previous);
  void note_own(std::string_view rollup);

  RedisServers& servers_;
  const RollupDestination destination_;
  const std::string maxlen_;
  OwnRollups& own_;
  std::mutex mutex_;  // guards all below
  RedisConnection* waiting_on_ = nullptr;
  bool was_interrupted_ = false;  ///< while it waited
};

}  // namespace slipstream
