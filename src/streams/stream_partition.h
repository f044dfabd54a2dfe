#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/agent.h"
#include "redis/retry.h"
#include "streams/follower_session.h"
#include "streams/owner_session.h"
#include "streams/streams.h"

namespace slipstream {

/// Since when and why a partition cannot be read or committed. It ends with success, not with the
/// next try.
struct StreamFailure {
  std::string why;  ///< empty: there is none
  Moment since;
};

/// One partition of the streams: owned, or followed while another instance owns it. Sessions come
/// and go with connections; it makes the next one, after a pause that grows.
/// Threads: poll(), idle() on its own; the rest from any.
class StreamPartition final : public Agent {
 public:
  /// `rollups_seen`: the newest stored rollup of it that the store has. `changed` is notified when
  /// is_owner() changes by itself.
  StreamPartition(const StreamParts& parts, const StreamOptions& options, std::uint32_t number,
                  std::uint64_t rollups_seen, Signal& changed);
  ~StreamPartition() override;

  /// It is ours, by this token in its fence.
  void own(std::string token);
  /// It shall not be ours for long: what is folded is committed (with `close`, open windows too),
  /// then is_owner() is false.
  void give_up(bool close);
  /// give_up(), and no session after that.
  void leave(bool close);
  /// It is not ours any more.
  void disown();
  /// From own() until it is given up, disowned, or found taken by another instance.
  bool is_owner() const { return is_owner_.load(std::memory_order_acquire); }
  /// give_up(true) has closed the windows and committed that.
  bool has_closed() const { return has_closed_.load(std::memory_order_acquire); }
  StreamFailure failure() const;

  std::size_t poll(std::size_t budget) override;
  void idle() override;
  void wake() override;

 private:
  enum class Want { kFollow, kOwn, kGiveUp, kGiveUpAndClose };
  struct Wish {
    Want want = Want::kFollow;
    std::string token;
    std::uint64_t number = 0;  ///< counts wishes
  };

  Wish wish() const;
  void set_wish(Want want, std::string token);
  void change_role(const Wish& wish);
  bool connect();
  bool is_overtaken() const { return wish().number != role_.number; }
  bool step();
  void end_session(SessionStep how, const std::string& why);
  void note_owner(bool is_owner);
  void note_failure(const std::string& why);
  void note_well();

  const StreamParts& parts_;
  const StreamOptions& options_;
  const std::uint32_t number_;
  const std::string key_;
  const std::string name_;  ///< of its connection
  Signal& changed_;

  mutable std::mutex mutex_;  // guards the next three, and what is_owner_ is set to
  Wish wish_;
  StreamFailure failure_;
  RedisConnection* interruptible_ = nullptr;
  std::atomic<bool> is_owner_{false};
  std::atomic<bool> has_closed_{false};
  std::atomic<bool> is_leaving_{false};
  Signal signal_;

  // poll()'s own.
  Wish role_;
  SessionMemory memory_;
  FollowerPlace place_;  ///< of the sessions since the last change of role
  std::unique_ptr<OwnerSession> owner_;
  std::unique_ptr<FollowerSession> follower_;
  RedisRetry retry_;
  bool is_well_ = false;  ///< nothing to forget
};

}  // namespace slipstream
