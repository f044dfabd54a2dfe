#include "redis_streams/redis_streams.h"

#include <fmt/format.h>

#include <utility>

#include "base/retry.h"
#include "redis/cluster_map.h"
#include "redis_streams/lease_keeper.h"
#include "redis_streams/redis_feed.h"
#include "redis_streams/redis_follower.h"

namespace slipstream {
namespace {

bool is_in_one_slot(const StreamNames& names, std::uint32_t partition) {
  const StreamKeys keys = stream_keys(names, partition);
  const std::uint16_t slot = redis_slot(keys.telemetry);
  return redis_slot(keys.aggregates) == slot && redis_slot(keys.lease) == slot;
}

class StreamConnector final : public PartitionConnector {
 public:
  StreamConnector(const StreamParts& parts, const StreamOptions& options, std::uint32_t number)
      : parts_(parts),
        options_(options),
        number_(number),
        key_(stream_keys(options.names, number).telemetry),
        name_(fmt::format("stream-{}", number)) {}

  bool is_due() const override {
    return retry_.is_due(parts_.cluster.clock.steady(), parts_.servers.returns());
  }
  void failed() override { retry_.failed(parts_.cluster.clock.steady(), parts_.servers.returns()); }
  void succeeded() override { retry_.succeeded(); }
  void hurry() override { retry_.hurry(); }
  void role_changed() override {
    place_ = {};
    hurry();
  }

  Result<std::unique_ptr<PartitionFeed>> open_feed(const std::string& token) override {
    auto connection = connect();
    if (!connection) return std::unexpected(connection.error());
    return std::make_unique<RedisFeed>(std::move(*connection), parts_, options_, number_, token,
                                       had_group_);
  }
  Result<std::unique_ptr<PartitionFollower>> open_follower(PartitionMemory& memory) override {
    auto connection = connect();
    if (!connection) return std::unexpected(connection.error());
    return std::make_unique<RedisFollower>(std::move(*connection), parts_, options_, number_,
                                           memory, place_);
  }

 private:
  Result<std::unique_ptr<RedisConnection>> connect() {
    auto connection = parts_.servers.connect(key_, name_);
    if (connection && parts_.servers.is_cluster() && !is_in_one_slot(options_.names, number_)) {
      return fail(
          fmt::format("in a cluster {} and {} must be in one hash slot: give both "
                      "names one {{tag}}, or use more than one partition",
                      options_.names.telemetry, options_.names.aggregates));
    }
    return connection;
  }

  const StreamParts& parts_;
  const StreamOptions& options_;
  const std::uint32_t number_;
  const std::string key_;
  const std::string name_;  ///< of its connections
  Retry retry_;
  FollowerPlace place_;     ///< of the followers since the last change of role
  bool had_group_ = false;  ///< a group that is missing now was lost with its stream
};

}  // namespace

std::unique_ptr<PartitionConnector> RedisStreams::connector(std::uint32_t partition) {
  return std::make_unique<StreamConnector>(parts_, options_, partition);
}

std::unique_ptr<Ownership> RedisStreams::ownership(std::vector<ClusterPartition*> partitions,
                                                   Signal& changed) {
  return std::make_unique<LeaseKeeper>(parts_, options_, std::move(partitions), changed);
}

}  // namespace slipstream
