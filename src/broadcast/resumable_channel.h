#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "broadcast/audience.h"
#include "broadcast/delivery.h"

namespace slipstream {

/// What became of a resumption: it is refused and changed nothing, or the client is given what it
/// missed behind its answer. `id`: as in the client's message.
using ResumedFunction = std::function<void(Client& client, const std::string& id,
                                           const std::optional<MessageFault>& refused)>;

/// A channel of what is stored in rows, which a client can resume: it gets what is committed as it
/// comes; or first what it missed, page by page from the store as fast as it takes them, then as it
/// comes. None is lost, none comes twice, all in the order of their rows. What is in the rows, and
/// how it is read, the channels know themselves. I/O thread.
class ResumableChannel {
 public:
  /// A resumption this soon after a subscription misses and repeats nothing of what came between.
  static constexpr std::int64_t kHoldNs = 100 * kNsPerMs;

  virtual ~ResumableChannel() = default;
  ResumableChannel(const ResumableChannel&) = delete;
  ResumableChannel& operator=(const ResumableChannel&) = delete;

  Channel channel() const { return channel_; }
  /// The newest row that clients may have been given: before the first commit.
  void begin(StoredCursor newest) { newest_ = newest; }
  /// Commits up to there did not come here: clients get what is stored of them from the store.
  void skip_to(StoredCursor newest);
  StoredCursor newest() const { return newest_; }

  /// After a client's subscription was changed. The new one holds for whatever comes behind
  /// cursor_of() the client; pump() when that has been told.
  void subscribed(Client& client, bool was_on, SteadyTime now);
  StoredCursor cursor_of(const Client& client) const;
  /// Answered through ResumedFunction, at once or when the store has been asked whether the cursor
  /// is one of its own; until then `resuming` of the client's reading is set, and nothing more of
  /// what the client says may be heard. The channel is on from then on.
  void resume(Client& client, StoredCursor after, std::string id);
  /// The client may have room for a next page.
  void pump(Client& client);
  /// Those who were held long enough go on.
  void release(SteadyTime now);
  SteadyTime next_due() const { return holds_.empty() ? kForever : holds_.front().until; }

 protected:
  struct Hold {
    std::uint64_t client = 0;
    std::uint64_t turn = 0;
    std::uint64_t from = 0;  ///< the number of its first commit
    SteadyTime until = {};
  };

  ResumableChannel(Channel channel, Audience& audience, Delivery& delivery, ResumedFunction resumed)
      : channel_(channel), audience_(audience), delivery_(delivery), resumed_(std::move(resumed)) {}

  /// Reads what is behind `after`, up to newest(), and later gives it to take_page() with `turn`.
  virtual void read_page(Client& client, StoredCursor after, std::uint64_t turn) = 0;
  /// Nobody waits any longer for whether the client resumes. False: it is to be held on.
  virtual bool end_hold(Client& client) = 0;
  /// Holds have ended.
  virtual void holds_ended() {}

  StoredReading& reading(Client& client) const { return client.readings[index(channel_)]; }
  const StoredReading& reading(const Client& client) const {
    return client.readings[index(channel_)];
  }
  bool is_held(const Hold& hold) const;
  void pump_all();
  /// A commit has gone out to those who are live.
  void taken(StoredCursor newest);
  /// `send`: gives the client what is in the page.
  template <typename Page, typename Send>
  void take_page(std::uint64_t id, std::uint64_t turn, const Result<Page>& page, Send send) {
    Client* const client = client_of_page(id, turn);
    if (client == nullptr) return;
    if (!page) return failed(*client, nullptr);
    if (page->is_foreign) return failed(*client, "the cursor is of another store");
    if (reading(*client).resuming) settle(*client, {});
    send(*client, *page);
    reading(*client).read_to = page->to;
    delivery_.flush();
    pump(*client);
  }

  const Channel channel_;
  Audience& audience_;
  Delivery& delivery_;
  std::uint64_t taken_ = 0;  ///< commits
  std::deque<Hold> holds_;   ///< the first to end first

 private:
  Client* client_of_page(std::uint64_t id, std::uint64_t turn);
  /// `bad_cursor`: what is wrong with it; nullptr: the store cannot be read.
  void failed(Client& client, const char* bad_cursor);
  void settle(Client& client, const std::optional<MessageFault>& refused);

  const ResumedFunction resumed_;
  StoredCursor newest_;
};

}  // namespace slipstream
