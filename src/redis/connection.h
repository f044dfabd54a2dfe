#pragma once
#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "redis/address.h"
#include "redis/command.h"
#include "redis/reply.h"
#include "redis/stats.h"

namespace slipstream {

/// Until when a call may wait. One in the past means: only what is there already.
using RedisDeadline = std::chrono::steady_clock::time_point;
inline RedisDeadline redis_deadline_in(std::chrono::milliseconds wait) {
  return std::chrono::steady_clock::now() + wait;
}

struct RedisTlsOptions {
  std::string ca_file{};           // PEM; empty: the system's authorities
  bool verify = true;              // the certificate's chain and that it is for the host asked
  std::string certificate_file{};  // PEM, for servers that want the client's; with key_file
  std::string key_file{};
};

struct RedisConnectionOptions {
  std::int64_t connect_timeout_ms = 2000;  // for everything that open() does
  std::string name = "slipstream";         // CLIENT SETNAME; blanks become '_'
  RedisTlsOptions tls{};
};

/// Why there is no reply.
struct RedisFailure {
  enum class Kind {
    kTimeout,  // the deadline came first; the connection is good, the reply will still come
    kLost,     // closed, reset or no Redis; for good. What was sent may or may not have been done
  };
  Kind kind = Kind::kLost;
  std::string message;  // says the server too

  bool is_timeout() const { return kind == Kind::kTimeout; }
  bool is_lost() const { return kind == Kind::kLost; }
};

/// A connection to one Redis server: commands out, replies in, in order. Blocking with deadlines; a
/// wait that runs out leaves the connection whole. Once lost it stays lost: open another.
/// Threads: one at a time; interrupt() from any.
class RedisConnection {
 public:
  /// Connects (TLS too), AUTH, SELECT, CLIENT SETNAME; returns when the server has answered them. A
  /// server that does not let the client name itself is let be; any other error reply is the error.
  static Result<std::unique_ptr<RedisConnection>> open(const RedisAddress& address,
                                                       const RedisConnectionOptions& options,
                                                       RedisStats& stats);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  /// Where commands are queued; they go out with the next flush(), receive() or call(). Each of
  /// them has one reply.
  CommandBuffer& commands();
  /// Sends what is queued; returns when the kernel has taken it. After kTimeout the rest is still
  /// on its way: more may be queued, flush() again waits on.
  std::expected<void, RedisFailure> flush(RedisDeadline deadline);
  /// The next reply, valid until the next receive() or call(). Sends what is queued first. A
  /// server's error is a reply (is_error()), not a failure.
  std::expected<ReplyView, RedisFailure> receive(RedisDeadline deadline);
  /// Queues one command, sends it, and waits for its reply. Replies still outstanding before it
  /// (of a call that timed out, say) are received first and dropped.
  std::expected<ReplyView, RedisFailure> call(std::span<const std::string_view> arguments,
                                              RedisDeadline deadline);
  std::expected<ReplyView, RedisFailure> call(std::initializer_list<std::string_view> arguments,
                                              RedisDeadline deadline) {
    return call(std::span(arguments.begin(), arguments.size()), deadline);
  }

  /// Hands over the reply that receive() gave last, so that it lives on; takes the memory of
  /// `other` in exchange. Views of it are void: `other.view()` is the new one.
  void swap_reply(RedisReply& other);

  /// Commands queued or sent whose reply has not been received.
  std::size_t outstanding() const;
  /// False once lost. Looks whether the server has closed meanwhile; does not wait.
  bool is_open();
  /// Ends a receive() that waits, or else the next one that would, with kTimeout. Any thread, while
  /// the connection lives.
  void interrupt();

  const RedisAddress& address() const;
  /// Called once, on the thread that finds out: with why it was lost, or with an empty text when
  /// it is destroyed unlost.
  void on_end(std::function<void(std::string_view lost)> listener);

 private:
  struct Impl;
  explicit RedisConnection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipstream
