#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "ops/config.h"
#include "redis/servers.h"

namespace slipstream {

/// A stream of a Redis server, as a command line names it: redis://HOST:PORT/STREAM,
/// redis://HOST:PORT/DB/STREAM (rediss:// for TLS), unix:///PATH?stream=STREAM, with what else
/// parse_redis_url() knows. The stream's name stands as it is.
struct RedisStreamUrl {
  RedisAddress server;
  std::string stream;

  /// By its scheme alone.
  static bool is_one(std::string_view text);
  static Result<RedisStreamUrl> parse(std::string_view url);
};

/// How long a command waits for a reply of Redis.
inline constexpr std::chrono::seconds kRedisAnswerLimit{30};

/// The server, or its cluster. `redis`: for TLS.
std::unique_ptr<RedisServers> open_redis(const RedisAddress& server, const Config::Redis& redis);

}  // namespace slipstream
