#pragma once
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broadcast/audience.h"
#include "broadcast/delivery.h"
#include "broadcast/rollup_fanout.h"
#include "model/stored_marks.h"

namespace slipstream {

/// Reads stored marks; `taker` is called on the I/O thread, later.
using MarkReadFunction = std::function<void(StoredMarksQuery query, StoredMarksTaker taker)>;

/// What one commit gave, and what the newest row was before it.
struct CommittedMarks {
  std::vector<StoredMark> marks;
  MarkCursor before;

  std::size_t bytes() const;
};

/// Stored marks to the clients of the marks channel: as they are committed; or first what a client
/// missed, page by page from the store, then as they come. None is lost, none comes twice, all in
/// the order of their rows. A mark about no machine goes to whoever takes its track. Marks are few:
/// who waits for a moment, or is behind, gets them from the store, and none are kept here.
/// I/O thread.
class MarkFanout {
 public:
  /// A resumption this soon after a subscription misses and repeats nothing of what came between.
  static constexpr std::int64_t kHoldNs = RollupFanout::kHoldNs;

  MarkFanout(Audience& audience, Delivery& delivery, MarkReadFunction read, ResumedFunction resumed)
      : audience_(audience),
        delivery_(delivery),
        read_(std::move(read)),
        resumed_(std::move(resumed)) {}

  /// The newest row that clients may have been given: before the first commit.
  void begin(MarkCursor newest) { newest_ = newest; }
  void take(const CommittedMarks& committed);
  /// Commits up to there did not come here: clients get them from the store.
  void skip_to(MarkCursor newest);
  MarkCursor newest() const { return newest_; }

  /// After a client's subscription was changed. The new one holds for whatever comes behind
  /// cursor_of() the client; pump() when that has been told.
  void subscribed(Client& client, bool was_on, SteadyTime now);
  MarkCursor cursor_of(const Client& client) const;
  /// As RollupFanout's, with `client.marks.resuming`.
  void resume(Client& client, MarkCursor after, std::string id);
  /// The client may have room for a next page.
  void pump(Client& client);
  /// Those who were held long enough go on.
  void release(SteadyTime now);
  SteadyTime next_due() const { return holds_.empty() ? kForever : holds_.front().until; }

 private:
  struct Hold {
    std::uint64_t client;
    std::uint64_t turn;
    SteadyTime until;
  };

  void read_page(Client& client, MarkCursor after);
  void take_page(std::uint64_t client, std::uint64_t turn, const Result<StoredMarks>& page);
  void settle(Client& client, const std::optional<MessageFault>& refused);
  void pump_all();
  static bool wants(const Client& client, const Mark& mark);

  Audience& audience_;
  Delivery& delivery_;
  const MarkReadFunction read_;
  const ResumedFunction resumed_;
  MarkCursor newest_;
  std::deque<Hold> holds_;  ///< the first to end first
};

}  // namespace slipstream
