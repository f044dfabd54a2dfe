#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "redis/connection.h"

namespace slipstream {

/// Bytes to and from a server over TCP, TLS or a Unix socket, with deadlines: an Asio loop of its
/// own, turned only while somebody waits. Private to this room.
/// Threads: one at a time; interrupt() from any.
class RedisSocket {
 public:
  enum class Wait {
    kDone,
    kWritten,  // of a read: nothing has come, and all that was being written is on its way
    kTimeout,  // what was begun goes on: wait again
    kLost,     // see error()
  };

  /// Name lookup, connect and TLS handshake. The error does not name the address.
  static Result<std::unique_ptr<RedisSocket>> connect(const RedisAddress& address,
                                                      const RedisTlsOptions& tls,
                                                      RedisDeadline deadline);
  ~RedisSocket();
  RedisSocket(const RedisSocket&) = delete;
  RedisSocket& operator=(const RedisSocket&) = delete;

  /// Begins to send all of outgoing(), which is left alone until is_writing() is false.
  std::string& outgoing();
  void write();
  bool is_writing() const;
  Wait wait_written(RedisDeadline deadline);

  /// The next bytes, valid until the next read. What is being written goes on meanwhile; with
  /// `has_more` to write, its end ends the wait.
  Wait read(RedisDeadline deadline, std::string_view& bytes, bool has_more = false);

  /// Ends a read() that waits, or the next that would, with kTimeout.
  void interrupt();
  std::string_view error() const;

 private:
  struct Impl;
  explicit RedisSocket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipstream
