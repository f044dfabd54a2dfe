#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace slipstream {

/// Where a Redis server listens, and as whom to speak to it. A plain value; copies are cheap
/// enough.
struct RedisAddress {
  enum class Kind { kTcp, kTls, kUnix };

  Kind kind = Kind::kTcp;
  std::string host = "127.0.0.1";  // kTcp, kTls: a name, an IPv4 or an IPv6 address (no brackets)
  std::uint16_t port = 6379;       // kTcp, kTls
  std::string path{};              // kUnix
  std::string user{};              // empty: the server's default user
  std::string password{};
  bool has_credentials = false;  // an AUTH is sent, even one with an empty password
  int database = 0;

  /// "redis://host:6379/2", "rediss://[::1]:6380", "unix:///run/redis.sock?db=1": for logs and
  /// health, without user and password.
  std::string text() const;
  friend bool operator==(const RedisAddress&, const RedisAddress&) = default;
};

/// redis://[user[:password]@]host[:port][/db], rediss:// for TLS,
/// unix://[user:password@]/path[?db=N]. User, password and path are percent-decoded. An error says
/// which part is wrong, and never repeats a password.
Result<RedisAddress> parse_redis_url(std::string_view url);

/// Several of them, joined by commas (blanks around them are let pass): the seeds of a cluster. A
/// comma inside a password is written %2C. At least one.
Result<std::vector<RedisAddress>> parse_redis_urls(std::string_view urls);

}  // namespace slipstream
