#pragma once
#include <cstdint>
#include <string>

namespace slipstream::bench {

struct FanoutTrial {
  double sends_per_second = 0;  ///< messages that arrived, of all clients together
  double cpu_us = 0;            ///< of the sending thread, a send
};

/// A message of so many bytes with its head.
std::string fanout_message(std::size_t wire_bytes);

/// The machine's limit: one thread, epoll, bytes that are framed already; `together` frames in one
/// system call.
FanoutTrial bare_fanout(std::size_t clients, const std::string& message, std::size_t together,
                        double seconds);
/// The hub and its connections in this process: a message is framed once, and handed to all.
/// `together` > 1: so many wait for each client before they are written.
FanoutTrial hub_fanout(std::size_t clients, const std::string& message, std::size_t together,
                       double seconds);
/// npm's ws; nothing where there is no node. `script` is bench/ws_broadcast.mjs.
FanoutTrial npm_fanout(std::size_t clients, const std::string& message, double seconds);

/// CPU of compressing a message, where all clients get it compressed.
struct DeflateTrial {
  double deflate_us = 0;  ///< a message
  double bare_us = 0;     ///< zlib alone with the same message, between the others
  double total_us = 0;    ///< of the sending thread, a message
  double wire_share = 0;  ///< bytes on the wire, of those uncompressed
};
DeflateTrial deflate_fanout(std::size_t clients, const std::string& message, double seconds);

/// Messages at even distances to clients of which one may not read.
struct StalledTrial {
  double p50_ms = 0;
  double p99_ms = 0;
  std::size_t unsent_bytes = 0;   ///< to the one that does not read, at most
  std::int64_t memory_bytes = 0;  ///< of the process, grown by
};
StalledTrial stalled_fanout(std::size_t clients, bool one_stalled, double seconds);

}  // namespace slipstream::bench
