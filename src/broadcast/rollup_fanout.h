#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "broadcast/audience.h"
#include "broadcast/delivery.h"
#include "broadcast/rollup_messages.h"
#include "model/stored_rollups.h"

namespace slipstream {

/// Reads stored rollups; `taker` is called on the I/O thread, later.
using RollupReadFunction = std::function<void(StoredRollupsQuery query, StoredRollupsTaker taker)>;
/// What became of a resumption: it is refused and changed nothing, or the client is given what it
/// missed behind its answer. `id`: as in the client's message.
using ResumedFunction = std::function<void(Client& client, const std::string& id,
                                           const std::optional<MessageFault>& refused)>;

/// Committed rollups to the clients of the rollups channel: as they come; or first what a client
/// missed, page by page from the store as fast as it takes them, then as they come. None is lost,
/// none comes twice, all in the order of their rows. I/O thread.
class RollupFanout {
 public:
  /// A resumption this soon after a subscription misses and repeats nothing of what came between.
  static constexpr std::int64_t kHoldNs = 100 * kNsPerMs;

  RollupFanout(Audience& audience, Delivery& delivery, const FieldTable& fields,
               RollupReadFunction read, ResumedFunction resumed)
      : audience_(audience),
        delivery_(delivery),
        fields_(fields),
        read_(std::move(read)),
        resumed_(std::move(resumed)) {}

  /// The newest row that clients may have been given: before the first commit.
  void begin(RollupCursor newest) { newest_ = newest; }
  void take(CommittedRollups committed);
  /// Commits up to there did not come here: clients get what is stored of them from the store.
  void skip_to(RollupCursor newest);
  RollupCursor newest() const { return newest_; }

  /// After a client's subscription was changed. The new one holds for whatever comes behind
  /// cursor_of() the client; pump() when that has been told.
  void subscribed(Client& client, bool was_on, SteadyTime now);
  RollupCursor cursor_of(const Client& client) const;
  /// Answered through ResumedFunction, at once or when the store has been asked whether the cursor
  /// is one of its own; until then `client.resuming` is set, and nothing more of what the client
  /// says may be heard. The channel is on from then on.
  void resume(Client& client, RollupCursor after, std::string id);
  /// The client may have room for a next page.
  void pump(Client& client);
  /// Those who were held long enough go on live.
  void release(SteadyTime now);
  SteadyTime next_due() const;

 private:
  struct Hold {
    std::uint64_t client;
    std::uint64_t turn;
    std::uint64_t from;  ///< the number of its first commit
    SteadyTime until;
  };

  bool is_held(const Hold& hold) const;
  void go_live(Client& client);
  void end_all_holds();
  void forget_recent();
  void read_page(Client& client, RollupCursor after);
  void take_page(std::uint64_t client, std::uint64_t turn, const Result<StoredRollups>& page);
  void settle(Client& client, const std::optional<MessageFault>& refused);

  Audience& audience_;
  Delivery& delivery_;
  const FieldTable& fields_;
  const RollupReadFunction read_;
  const ResumedFunction resumed_;
  RollupCursor newest_;
  std::uint64_t taken_ = 0;            ///< commits
  std::deque<Hold> holds_;             ///< the first to end first
  std::deque<RollupMessages> recent_;  ///< the last commits, for those who are held
  std::size_t recent_bytes_ = 0;
};

}  // namespace slipstream
