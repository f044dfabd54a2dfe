#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/agent.h"
#include "base/clock.h"
#include "base/signal.h"
#include "cluster/cluster.h"
#include "cluster/cluster_log.h"
#include "cluster/partition_runner.h"

namespace slipstream {

/// Since when and why a partition cannot be read or committed. It ends with success, not with the
/// next try.
struct PartitionFailure {
  std::string why;  ///< empty: there is none
  Moment since;
};

/// One partition of a cluster: owned, or followed while another instance owns it. Runners and
/// followers come and go with connections; it makes the next one, after a pause that grows.
/// Threads: poll(), idle() on its own; the rest from any.
class ClusterPartition final : public Agent {
 public:
  /// `rollups_seen`: the newest stored rollup of it that the store has. `changed` is notified when
  /// is_owner() changes by itself.
  ClusterPartition(const ClusterParts& parts, const ClusterOptions& options,
                   std::unique_ptr<PartitionConnector> connector, std::uint32_t number,
                   std::uint64_t rollups_seen, Signal& changed);
  ~ClusterPartition() override;

  /// It is ours, by this token in its fence.
  void own(std::string token);
  /// It shall not be ours for long: what is folded is committed (with `close`, open windows too),
  /// then is_owner() is false.
  void give_up(bool close);
  /// give_up(), and it is not followed after that.
  void leave(bool close);
  /// It is not ours any more.
  void disown();
  /// From own() until it is given up, disowned, or found taken by another instance.
  bool is_owner() const { return is_owner_.load(std::memory_order_acquire); }
  /// give_up(true) has closed the windows and committed that.
  bool has_closed() const { return has_closed_.load(std::memory_order_acquire); }
  PartitionFailure failure() const;

  std::size_t poll(std::size_t budget) override;
  void idle() override;
  void wake() override;

 private:
  enum class Want { kFollow, kOwn, kGiveUp, kGiveUpAndClose };
  struct Task {
    Want want = Want::kFollow;
    std::string token;
    std::uint64_t number = 0;  ///< counts tasks
  };

  Task task() const;
  void set_task(Want want, std::string token);
  void change_role(const Task& wanted);
  bool connect();
  Result<FeedStatus> open_runner();
  Result<FeedStatus> open_follower();
  /// A new task breaks off what it waits for; false: there is one already.
  bool make_interruptible(std::function<void()> interrupt);
  bool is_overtaken() const { return task().number != role_.number; }
  bool is_open() const { return runner_ || follower_; }
  const std::string& error() const { return runner_ ? runner_->error() : follower_->error(); }
  bool step();
  /// Runner or follower, whichever there is.
  void end(FeedStatus how, std::string why);
  void note_owner(bool is_owner);
  void note_failure(const std::string& why);
  void note_well();

  const ClusterParts& parts_;
  const ClusterOptions& options_;
  const std::unique_ptr<PartitionConnector> connector_;
  const std::uint32_t number_;
  Signal& changed_;

  mutable std::mutex mutex_;  // guards the next three, and what is_owner_ is set to
  Task task_;
  PartitionFailure failure_;
  std::function<void()> interrupt_;  ///< nullptr: there is nothing to break off
  std::atomic<bool> is_owner_{false};
  std::atomic<bool> has_closed_{false};
  std::atomic<bool> is_leaving_{false};
  Signal signal_;

  // poll()'s own.
  Task role_;  ///< that it works on
  PartitionMemory memory_;
  std::unique_ptr<PartitionRunner> runner_;
  std::unique_ptr<PartitionFollower> follower_;
  bool is_well_ = false;  ///< nothing to forget
};

}  // namespace slipstream
