#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/cluster_partition.h"
#include "cluster/ownership.h"
#include "redis_streams/stream_options.h"

namespace slipstream {

/// Shares the partitions out among the instances of the group: each says several times a lease that
/// it is there, and takes as many partitions as its share is. A partition is held by a lease that
/// expires when its holder does not renew it; who takes it changes its fence, which undoes whatever
/// the holder before still has in hand. All of that is in Redis: instances know nothing of each
/// other. Threads: poll(), idle() on its own; stop() when that has ended; the rest from any.
class LeaseKeeper final : public Ownership {
 public:
  LeaseKeeper(const StreamParts& parts, const StreamOptions& options,
              std::vector<ClusterPartition*> partitions, Signal& changed);

  std::size_t poll(std::size_t budget) override;
  void idle() override { changed_.wait_for(std::chrono::milliseconds(50)); }
  void wake() override { changed_.notify(); }

  /// Nothing more is renewed or taken. Any thread.
  void begin_stop() override { is_stopping_ = true; }
  /// Gives everything back: open windows to the instances that go on, or closed where there are
  /// none.
  void stop() override;

  /// Instances of the group, as of the last beat; 0: Redis did not answer.
  std::size_t members() const override { return members_.load(std::memory_order_relaxed); }

 private:
  struct Held {
    std::string token;
    bool is_given_up = false;
  };

  bool beat();
  /// Says that this instance is there; those that are, by name. None: Redis does not answer.
  std::vector<std::string> say_and_see();
  void renew(std::size_t partition);
  /// False: Redis did not answer; the lease runs out.
  bool release(std::size_t partition);
  bool take(std::size_t partition);
  void share_out(std::size_t target, std::size_t first);
  std::optional<RedisReply> script(std::string_view text, std::vector<std::string_view> keys,
                                   std::vector<std::string_view> arguments);

  const StreamParts& parts_;
  const StreamOptions& options_;
  const std::vector<ClusterPartition*> partitions_;
  Signal& changed_;
  const std::string instances_;
  std::vector<StreamKeys> keys_;
  std::vector<std::optional<Held>> held_;
  /// Short, so that a node that does not answer costs the leases of others nothing.
  std::chrono::milliseconds patience_;
  std::atomic<std::size_t> members_{0};
  std::atomic<bool> is_stopping_{false};
  std::uint64_t taken_ = 0;
  SteadyTime beat_at_ = kNever;
};

}  // namespace slipstream
