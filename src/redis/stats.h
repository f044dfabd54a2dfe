#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "base/counters.h"

namespace slipstream {

/// What connections count, for `redis_commands_total{command,outcome}` and its kin.
/// Threads: any.
struct RedisStats {
  /// The bounded set of names a command is counted under; what is not among them is the first.
  static constexpr std::array<std::string_view, 64> kNames = {
      "OTHER",    "XADD",    "XREADGROUP", "XREAD",   "XACK",     "XAUTOCLAIM", "XCLAIM",
      "XPENDING", "XGROUP",  "XINFO",      "XLEN",    "XRANGE",   "XREVRANGE",  "XTRIM",
      "XDEL",     "XSETID",  "MULTI",      "EXEC",    "DISCARD",  "WATCH",      "UNWATCH",
      "EVAL",     "EVALSHA", "SCRIPT",     "FCALL",   "FUNCTION", "GET",        "SET",
      "MGET",     "MSET",    "DEL",        "UNLINK",  "EXISTS",   "EXPIRE",     "PEXPIRE",
      "PERSIST",  "TTL",     "PTTL",       "INCR",    "INCRBY",   "HSET",       "HGET",
      "HMGET",    "HGETALL", "HDEL",       "HINCRBY", "SADD",     "SREM",       "SMEMBERS",
      "ZADD",     "ZRANGE",  "ZREM",       "PUBLISH", "PING",     "AUTH",       "SELECT",
      "CLIENT",   "INFO",    "CLUSTER",    "ASKING",  "TIME",     "CONFIG",     "WAIT",
      "TYPE"};

  /// By the index in kNames. A command is an error if its reply is one, or if the connection went
  /// away before the reply.
  std::array<Counter, kNames.size()> ok;
  std::array<Counter, kNames.size()> error;

  Counter connects;          // opened, the first time and again
  Counter connect_failures;  // refused, timed out, not let in
  Counter reconnects;        // opened under a name that had lost its connection
  Counter losses;            // connections that ended without our closing them
  Counter redirects;         // MOVED and ASK that were followed
  Counter map_refreshes;     // of the cluster's slots

  /// Index of a command's name, in capitals; 0 if it is none of kNames.
  static std::uint8_t index_of(std::string_view name);
};

}  // namespace slipstream
