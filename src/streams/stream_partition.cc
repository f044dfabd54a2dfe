#include "streams/stream_partition.h"

#include <fmt/format.h>

#include <utility>

#include "redis/cluster_map.h"

namespace slipstream {
namespace {

bool is_in_one_slot(const StreamNames& names, std::uint32_t partition) {
  const StreamKeys keys = stream_keys(names, partition);
  const std::uint16_t slot = redis_slot(keys.telemetry);
  return redis_slot(keys.aggregates) == slot && redis_slot(keys.lease) == slot;
}

}  // namespace

StreamPartition::StreamPartition(const StreamParts& parts, const StreamOptions& options,
                                 std::uint32_t number, std::uint64_t rollups_seen, Signal& changed)
    : parts_(parts),
      options_(options),
      number_(number),
      key_(stream_keys(options.names, number).telemetry),
      name_(fmt::format("stream-{}", number)),
      changed_(changed) {
  memory_.rollups_seen = rollups_seen;
}

StreamPartition::~StreamPartition() = default;

void StreamPartition::own(std::string token) {
  set_wish(Want::kOwn, std::move(token));
}

void StreamPartition::give_up(bool close) {
  set_wish(close ? Want::kGiveUpAndClose : Want::kGiveUp, wish().token);
}

void StreamPartition::leave(bool close) {
  is_leaving_.store(true, std::memory_order_release);
  give_up(close);
}

void StreamPartition::disown() {
  set_wish(Want::kFollow, {});
}

void StreamPartition::set_wish(Want want, std::string token) {
  const std::lock_guard lock(mutex_);
  if (want == Want::kOwn) is_owner_.store(true, std::memory_order_release);
  if (want == wish_.want && token == wish_.token) return;
  wish_ = {want, std::move(token), wish_.number + 1};
  if (interruptible_ != nullptr) interruptible_->interrupt();
  signal_.notify();
}

StreamPartition::Wish StreamPartition::wish() const {
  const std::lock_guard lock(mutex_);
  return wish_;
}

StreamFailure StreamPartition::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void StreamPartition::wake() {
  const std::lock_guard lock(mutex_);
  if (interruptible_ != nullptr) interruptible_->interrupt();
  signal_.notify();
}

void StreamPartition::idle() {
  // A session waits by itself; without one there is only the time to wait for.
  if (!owner_ && !follower_) signal_.wait_for(std::chrono::milliseconds(50));
}

std::size_t StreamPartition::poll(std::size_t) {
  const Wish wanted = wish();
  if (wanted.number != role_.number) change_role(wanted);
  try {
    if (!owner_ && !follower_ && !connect()) return 0;
    return step() ? 1 : 0;
  } catch (const std::exception& failure) {
    end_session(SessionStep::kLost, failure.what());
    return 0;
  }
}

void StreamPartition::change_role(const Wish& wanted) {
  if (!owner_ && wanted.want == Want::kGiveUpAndClose) {
    follower_.reset();
    retry_.hurry();
    role_ = {.want = Want::kOwn, .token = wanted.token, .number = wanted.number};
    connect();
  }
  if (owner_) {
    SessionStep done = SessionStep::kWorked;
    if (wanted.want == Want::kGiveUp || wanted.want == Want::kGiveUpAndClose) {
      const bool closes = wanted.want == Want::kGiveUpAndClose;
      done = owner_->finish(closes);
      has_closed_.store(closes && done == SessionStep::kWorked, std::memory_order_release);
    }
    end_session(done, owner_->error());
  } else if (follower_) {
    end_session(SessionStep::kWorked, {});
  }
  role_ = wanted;
  place_ = {};
  retry_.hurry();
  note_well();
  note_owner(role_.want == Want::kOwn);
}

/// A wish that came meanwhile says otherwise.
void StreamPartition::note_owner(bool is_owner) {
  {
    const std::lock_guard lock(mutex_);
    if (wish_.number != role_.number) return;
    is_owner_.store(is_owner, std::memory_order_release);
  }
  changed_.notify();
}

bool StreamPartition::connect() {
  const bool may_follow = options_.is_following && !is_leaving_.load(std::memory_order_acquire);
  if (role_.want != Want::kOwn && !may_follow) return false;
  if (!retry_.is_due(parts_.clock.steady(), parts_.servers.returns())) return false;
  auto connection = parts_.servers.connect(key_, name_);
  if (connection && parts_.servers.is_cluster() && !is_in_one_slot(options_.names, number_)) {
    connection =
        fail(fmt::format("in a cluster {} and {} must be in one hash slot: give both "
                         "names one {{tag}}, or use more than one partition",
                         options_.names.telemetry, options_.names.aggregates));
  }
  if (!connection) {
    note_failure(connection.error().message);
    retry_.failed(parts_.clock.steady(), parts_.servers.returns());
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    if (wish_.number != role_.number) return false;
    interruptible_ = connection->get();
  }
  SessionStep begun;
  if (role_.want == Want::kOwn) {
    owner_ = std::make_unique<OwnerSession>(std::move(*connection), parts_, options_, number_,
                                            role_.token, memory_);
    begun = owner_->begin();
  } else {
    follower_ = std::make_unique<FollowerSession>(std::move(*connection), parts_, options_, number_,
                                                  memory_, place_);
    begun = follower_->begin();
  }
  if (begun == SessionStep::kWorked) return true;
  // A wish that came meanwhile has broken it off.
  const bool is_broken_off = begun == SessionStep::kLost && is_overtaken();
  end_session(is_broken_off ? SessionStep::kWorked : begun,
              owner_ ? owner_->error() : follower_->error());
  return false;
}

bool StreamPartition::step() {
  const SessionStep done = owner_ ? owner_->step() : follower_->step();
  if (done == SessionStep::kLost || done == SessionStep::kFenced) {
    end_session(done, owner_ ? owner_->error() : follower_->error());
  } else if (owner_ ? owner_->is_well() : done == SessionStep::kWorked) {
    note_well();
  }
  return done == SessionStep::kWorked;
}

void StreamPartition::end_session(SessionStep how, const std::string& why) {
  const std::string text = why;
  {
    const std::lock_guard lock(mutex_);
    interruptible_ = nullptr;
  }
  const bool was_owner = owner_ != nullptr;
  owner_.reset();
  follower_.reset();
  if (was_owner && how == SessionStep::kLost) {
    parts_.stats.partitions[number_].lag.set(-1);
    parts_.stats.partitions[number_].pending.set(-1);
  }
  if (how == SessionStep::kFenced) {
    parts_.stats.fenced.add();
    parts_.warn(fmt::format("partition {}: another instance has taken it", number_));
    role_.want = Want::kFollow;
    note_owner(false);
  } else if (how == SessionStep::kLost) {
    parts_.stats.restarts.add();
    note_failure(text);
    retry_.failed(parts_.clock.steady(), parts_.servers.returns());
  }
}

void StreamPartition::note_failure(const std::string& why) {
  is_well_ = false;
  const std::lock_guard lock(mutex_);
  // Of a failure that lasts, the first word of it is logged; health has the newest.
  if (failure_.why.empty()) {
    parts_.warn(fmt::format("partition {}: {}", number_, why));
    failure_.since = parts_.clock.moment();
  }
  failure_.why = why.empty() ? "unknown" : why;
}

void StreamPartition::note_well() {
  if (std::exchange(is_well_, true)) return;
  retry_.succeeded();
  const std::lock_guard lock(mutex_);
  failure_ = {};
}

}  // namespace slipstream
