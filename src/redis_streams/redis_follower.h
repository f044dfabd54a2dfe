#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "cluster/cluster_log.h"
#include "pipeline/live_points.h"
#include "redis/connection.h"
#include "redis_streams/entry_decoder.h"
#include "redis_streams/rollup_entries.h"
#include "redis_streams/stream_options.h"

namespace slipstream {

/// How far a follower has read the aggregates; goes on from one follower to the next. Empty: it
/// begins at the end.
struct FollowerPlace {
  std::string aggregates = {};
};

/// One partition that another instance owns, read along for our clients: new points for the
/// broadcast, new aggregates, and all stored rollups and marks from where the store got to. It is
/// in no group and acknowledges nothing. Threads: one at a time; interrupt() from any.
class RedisFollower final : public PartitionFollower {
 public:
  RedisFollower(std::unique_ptr<RedisConnection> connection, const StreamParts& parts,
                const StreamOptions& options, std::uint32_t partition, PartitionMemory& memory,
                FollowerPlace& place);
  ~RedisFollower() override;

  /// Goes on where it was, or finds the streams' ends.
  FeedStatus begin() override;
  /// Waits up to 50 ms for what is new.
  FeedStatus step() override;

  const std::string& error() const override { return error_; }
  void interrupt() override { connection_->interrupt(); }

 private:
  static constexpr std::chrono::milliseconds kSlice{50};
  static constexpr std::chrono::seconds kCallLimit{5};
  static constexpr std::string_view kPage = "1000";
  static constexpr std::string_view kBlockMs = "100";

  FeedStatus find_end(const std::string& stream, std::string& id);
  EntryId told_entry() const;
  void queue_read();
  FeedStatus on_read(ReplyView reply);
  FeedStatus take_entries(ReplyView entries);
  void show(EntryBatch& part);
  void take_rollups(ReplyView entries, bool stored);
  void hand_on(RollupBatch rollups, std::vector<PlacedMark> marks);
  FeedStatus lost(std::string why);
  FeedStatus failed(ReplyView error);

  std::unique_ptr<RedisConnection> connection_;
  const StreamParts& parts_;
  const std::uint32_t number_;
  const StreamKeys keys_;
  PartitionMemory& memory_;
  FollowerPlace& place_;
  std::string error_;
  LivePoints live_;
  EntryDecoder points_;
  RollupDecoder rollups_;
  bool is_reading_ = false;
};

}  // namespace slipstream
