#include "redis_streams/lease_keeper.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kStopLimit{3'500};
constexpr std::chrono::milliseconds kStopPatience{1'000};  ///< of that, with one command
constexpr std::int64_t kBeatsPerLease = 5;

// KEYS: instances. ARGV: this instance, ms after which a silent one is gone.
constexpr std::string_view kBeat = R"(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZADD', KEYS[1], now, ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1))";
// KEYS, ARGV: as above. How many are left.
constexpr std::string_view kLeave = R"(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('ZCARD', KEYS[1]))";

// KEYS: lease, fence, owners. ARGV: token, ms of the lease, consumer.
constexpr std::string_view kTake = R"(
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then return 1 end
if holder then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[1])
redis.call('SADD', KEYS[3], ARGV[3])
return 1)";
// KEYS: lease. ARGV: token, ms.
constexpr std::string_view kRenew = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2]))";
constexpr std::string_view kRelease = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1]))";

}  // namespace

LeaseKeeper::LeaseKeeper(const StreamParts& parts, const StreamOptions& options,
                         std::vector<ClusterPartition*> partitions, Signal& changed)
    : parts_(parts),
      options_(options),
      partitions_(std::move(partitions)),
      changed_(changed),
      instances_(instances_key(options.names)),
      held_(partitions_.size()),
      patience_(std::clamp<std::int64_t>(options.lease_ms / 10, 100, 2'000)) {
  for (std::uint32_t p = 0; p < partitions_.size(); ++p) {
    keys_.push_back(stream_keys(options.names, p));
  }
}

std::size_t LeaseKeeper::poll(std::size_t) {
  // What was given up is free for others at once.
  for (std::size_t p = 0; p < held_.size(); ++p) {
    if (!held_[p] || partitions_[p]->is_owner()) continue;
    release(p);
    held_[p].reset();
  }
  const SteadyTime now = parts_.cluster.clock.steady();
  if (now < beat_at_) return 0;
  beat_at_ = now + options_.lease_ms * kNsPerMs / kBeatsPerLease;
  return beat() ? 1 : 0;
}

std::vector<std::string> LeaseKeeper::say_and_see() {
  const auto reply =
      script(kBeat, {instances_}, {options_.instance, std::to_string(options_.lease_ms)});
  std::vector<std::string> members;
  for (std::size_t i = 0; reply && i < reply->view().size(); ++i) {
    members.emplace_back(reply->view()[i].text());
  }
  std::ranges::sort(members);
  members_.store(members.size(), std::memory_order_relaxed);
  return members;
}

bool LeaseKeeper::beat() {
  const auto members = say_and_see();
  if (members.empty()) return false;
  for (std::size_t p = 0; p < held_.size() && !is_stopping_; ++p) renew(p);
  const auto rank =
      static_cast<std::size_t>(std::ranges::find(members, options_.instance) - members.begin());
  const std::size_t share = held_.size() / members.size();
  const std::size_t rest = held_.size() % members.size();
  share_out(share + (rank < rest ? 1 : 0), rank * held_.size() / members.size());
  return true;
}

void LeaseKeeper::renew(std::size_t partition) {
  auto& held = held_[partition];
  if (!held) return;
  const auto reply =
      script(kRenew, {keys_[partition].lease}, {held->token, std::to_string(options_.lease_ms)});
  if (!reply || reply->view().integer() == 1) return;
  partitions_[partition]->disown();
  held.reset();
}

void LeaseKeeper::share_out(std::size_t target, std::size_t first) {
  std::size_t count = 0;
  for (const auto& held : held_) count += held && !held->is_given_up ? 1 : 0;
  for (std::size_t p = held_.size(); p-- > 0 && count > target;) {
    if (!held_[p] || held_[p]->is_given_up) continue;
    held_[p]->is_given_up = true;
    partitions_[p]->give_up(false);
    --count;
  }
  for (std::size_t i = 0; i < held_.size() && count < target && !is_stopping_; ++i) {
    const std::size_t p = (first + i) % held_.size();
    if (!held_[p] && take(p)) ++count;
  }
}

bool LeaseKeeper::take(std::size_t partition) {
  const std::string token = fmt::format("{}/{}", options_.instance, ++taken_);
  const StreamKeys& keys = keys_[partition];
  const auto reply = script(kTake, {keys.lease, keys.fence, keys.owners},
                            {token, std::to_string(options_.lease_ms), options_.consumer});
  if (!reply || reply->view().integer() != 1) return false;
  held_[partition] = Held{.token = token};
  parts_.cluster.stats.takeovers.add();
  partitions_[partition]->own(token);
  return true;
}

bool LeaseKeeper::release(std::size_t partition) {
  return script(kRelease, {keys_[partition].lease}, {held_[partition]->token}).has_value();
}

void LeaseKeeper::stop() {
  const auto limit = std::chrono::steady_clock::now() + kStopLimit;
  patience_ = kStopPatience;
  const auto left =
      script(kLeave, {instances_}, {options_.instance, std::to_string(options_.lease_ms)});
  bool is_away = !left;  // leases run out by themselves
  const bool is_last = left && left->view().integer() == 0;
  for (std::size_t p = 0; p < held_.size(); ++p) {
    partitions_[p]->leave(is_last && held_[p]);
  }
  // The last one also closes what instances that stopped just before have left open.
  std::vector<bool> is_done(held_.size(), !is_last);
  const auto is_left = [&](std::size_t p) { return held_[p] || !(is_done[p] || is_away); };
  while (std::chrono::steady_clock::now() < limit) {
    bool is_any_left = false;
    for (std::size_t p = 0; p < held_.size(); ++p) {
      if (held_[p] && !partitions_[p]->is_owner()) {
        is_away = is_away || !release(p);
        held_[p].reset();
        is_done[p] = !is_last || partitions_[p]->has_closed();
      } else if (!held_[p] && !is_done[p] && !is_away && take(p)) {
        partitions_[p]->give_up(true);
      }
      is_any_left = is_any_left || is_left(p);
    }
    if (!is_any_left) break;
    changed_.wait_for(std::chrono::milliseconds(20));
  }
  if (!left) {
    parts_.cluster.warn(
        "Redis does not answer: open windows stay open there, for the next instance");
  } else if (const auto open = std::ranges::count(is_done, false); open > 0) {
    parts_.cluster.warn(fmt::format(
        "windows of {} partitions could not be closed: they stay open in Redis, for the next "
        "instance",
        open));
  }
}

std::optional<RedisReply> LeaseKeeper::script(std::string_view text,
                                              std::vector<std::string_view> keys,
                                              std::vector<std::string_view> arguments) {
  const std::string key_count = std::to_string(keys.size());
  std::vector<std::string_view> parts = {"EVAL", text, key_count};
  parts.insert(parts.end(), keys.begin(), keys.end());
  parts.insert(parts.end(), arguments.begin(), arguments.end());
  auto reply = parts_.servers.call(keys.front(), parts, redis_deadline_in(patience_),
                                   RedisServers::OnLoss::kRetry);
  if (!reply || reply->view().is_error()) return std::nullopt;
  return std::move(*reply);
}

}  // namespace slipstream
