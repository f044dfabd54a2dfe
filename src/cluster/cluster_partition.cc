#include "cluster/cluster_partition.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"

namespace slipstream {

ClusterPartition::ClusterPartition(const ClusterParts& parts, const ClusterOptions& options,
                                   std::unique_ptr<PartitionConnector> connector,
                                   std::uint32_t number, std::uint64_t rollups_seen,
                                   Signal& changed)
    : parts_(parts),
      options_(options),
      connector_(std::move(connector)),
      number_(number),
      changed_(changed) {
  memory_.rollups_seen = rollups_seen;
}

ClusterPartition::~ClusterPartition() = default;

void ClusterPartition::own(std::string token) {
  set_task(Want::kOwn, std::move(token));
}

void ClusterPartition::give_up(bool close) {
  set_task(close ? Want::kGiveUpAndClose : Want::kGiveUp, task().token);
}

void ClusterPartition::leave(bool close) {
  is_leaving_.store(true, std::memory_order_release);
  give_up(close);
}

void ClusterPartition::disown() {
  set_task(Want::kFollow, {});
}

void ClusterPartition::set_task(Want want, std::string token) {
  const std::lock_guard lock(mutex_);
  if (want == Want::kOwn) is_owner_.store(true, std::memory_order_release);
  if (want == task_.want && token == task_.token) return;
  task_ = {want, std::move(token), task_.number + 1};
  if (interrupt_) interrupt_();
  signal_.notify();
}

ClusterPartition::Task ClusterPartition::task() const {
  const std::lock_guard lock(mutex_);
  return task_;
}

PartitionFailure ClusterPartition::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void ClusterPartition::wake() {
  const std::lock_guard lock(mutex_);
  if (interrupt_) interrupt_();
  signal_.notify();
}

void ClusterPartition::idle() {
  // Runner and follower wait by themselves, unless there is no room for what they would read;
  // without one there is only the time to wait for.
  if (!is_open() || !parts_.store.has_room()) signal_.wait_for(std::chrono::milliseconds(50));
}

std::size_t ClusterPartition::poll(std::size_t) {
  try {
    const Task wanted = task();
    if (wanted.number != role_.number) change_role(wanted);
    if (!is_open() && !connect()) return 0;
    return step() ? 1 : 0;
  } catch (const std::exception& failure) {
    end(FeedStatus::kLost, failure.what());
    return 0;
  }
}

void ClusterPartition::change_role(const Task& wanted) {
  if (!runner_ && wanted.want == Want::kGiveUpAndClose) {
    end(FeedStatus::kWorked, {});
    connector_->hurry();
    role_ = {.want = Want::kOwn, .token = wanted.token, .number = wanted.number};
    connect();
  }
  if (runner_) {
    FeedStatus done = FeedStatus::kWorked;
    if (wanted.want == Want::kGiveUp || wanted.want == Want::kGiveUpAndClose) {
      const bool closes = wanted.want == Want::kGiveUpAndClose;
      done = runner_->finish(closes);
      has_closed_.store(closes && done == FeedStatus::kWorked, std::memory_order_release);
    }
    end(done, runner_->error());
  } else if (follower_) {
    end(FeedStatus::kWorked, {});
  }
  role_ = wanted;
  connector_->role_changed();
  note_well();
  note_owner(role_.want == Want::kOwn);
}

/// A task that came meanwhile says otherwise.
void ClusterPartition::note_owner(bool is_owner) {
  {
    const std::lock_guard lock(mutex_);
    if (task_.number != role_.number) return;
    is_owner_.store(is_owner, std::memory_order_release);
  }
  changed_.notify();
}

bool ClusterPartition::connect() {
  CHECK(!is_open(), "one runner or follower of a partition at a time");
  const bool may_follow = options_.is_following && !is_leaving_.load(std::memory_order_acquire);
  if (role_.want != Want::kOwn && !may_follow) return false;
  if (!connector_->is_due()) return false;
  const auto begun = role_.want == Want::kOwn ? open_runner() : open_follower();
  if (!begun) {
    note_failure(begun.error().message);
    connector_->failed();
    return false;
  }
  if (*begun == FeedStatus::kWorked) return true;
  if (!is_open()) return false;
  // A task that came meanwhile has broken it off.
  const bool is_broken_off = *begun == FeedStatus::kLost && is_overtaken();
  end(is_broken_off ? FeedStatus::kWorked : *begun, error());
  return false;
}

/// kIdle: another task came first, there is none.
Result<FeedStatus> ClusterPartition::open_runner() {
  auto feed = connector_->open_feed(role_.token);
  if (!feed) return std::unexpected(feed.error());
  if (!make_interruptible([raw = feed->get()] { raw->interrupt(); })) return FeedStatus::kIdle;
  runner_ = std::make_unique<PartitionRunner>(std::move(*feed), parts_, options_, number_, memory_);
  return runner_->begin();
}

Result<FeedStatus> ClusterPartition::open_follower() {
  auto follower = connector_->open_follower(memory_);
  if (!follower) return std::unexpected(follower.error());
  if (!make_interruptible([raw = follower->get()] { raw->interrupt(); })) return FeedStatus::kIdle;
  follower_ = std::move(*follower);
  return follower_->begin();
}

bool ClusterPartition::make_interruptible(std::function<void()> interrupt) {
  const std::lock_guard lock(mutex_);
  if (task_.number != role_.number) return false;
  interrupt_ = std::move(interrupt);
  return true;
}

bool ClusterPartition::step() {
  const FeedStatus done = runner_ ? runner_->step() : follower_->step();
  if (done == FeedStatus::kLost || done == FeedStatus::kFenced) {
    end(done, error());
  } else if (runner_ ? runner_->is_well() : done == FeedStatus::kWorked) {
    note_well();
  }
  return done == FeedStatus::kWorked;
}

void ClusterPartition::end(FeedStatus how, std::string why) {
  {
    const std::lock_guard lock(mutex_);
    interrupt_ = nullptr;
  }
  const bool was_owner = runner_ != nullptr;
  runner_.reset();
  follower_.reset();
  if (was_owner && how == FeedStatus::kLost) {
    parts_.stats.partitions[number_].lag.set(-1);
    parts_.stats.partitions[number_].pending.set(-1);
  }
  if (how == FeedStatus::kFenced) {
    parts_.stats.fenced.add();
    parts_.warn(fmt::format("partition {}: another instance has taken it", number_));
    role_.want = Want::kFollow;
    note_owner(false);
  } else if (how == FeedStatus::kLost) {
    parts_.stats.restarts.add();
    note_failure(why);
    connector_->failed();
  }
}

void ClusterPartition::note_failure(const std::string& why) {
  is_well_ = false;
  const std::lock_guard lock(mutex_);
  // Of a failure that lasts, the first word of it is logged; health has the newest.
  if (failure_.why.empty()) {
    parts_.warn(fmt::format("partition {}: {}", number_, why));
    failure_.since = parts_.clock.moment();
  }
  failure_.why = why.empty() ? "unknown" : why;
}

void ClusterPartition::note_well() {
  if (std::exchange(is_well_, true)) return;
  connector_->succeeded();
  const std::lock_guard lock(mutex_);
  failure_ = {};
}

}  // namespace slipstream
