#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "redis/reply.h"

namespace slipstream {

inline constexpr std::size_t kRedisSlots = 16384;

/// The hash slot of a key: CRC16 of it, or of what stands between its first `{` and the next `}`
/// where that is not empty, modulo 16384.
std::uint16_t redis_slot(std::string_view key);

struct RedisNode {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const RedisNode&, const RedisNode&) = default;
};

/// "MOVED 3999 127.0.0.1:6381" and "ASK ...", taken apart. A missing host is `asked`'s: the server
/// does not know under which name it is reached.
struct RedisRedirect {
  bool is_ask = false;
  std::uint16_t slot = 0;
  RedisNode to;
};
std::optional<RedisRedirect> parse_redirect(ReplyView reply, std::string_view asked_host);

/// Which node of a cluster serves which slot. A value. Threads: one at a time.
class ClusterMap {
 public:
  /// From the reply to CLUSTER SLOTS of the node at `asked_host`.
  static Result<ClusterMap> parse(ReplyView slots, std::string_view asked_host);

  /// The master of the slot; nothing if no node serves it.
  const RedisNode* master_of(std::uint16_t slot) const;
  /// What a MOVED said.
  void move(std::uint16_t slot, const RedisNode& node);
  /// Masters first, then replicas.
  const std::vector<RedisNode>& nodes() const { return nodes_; }
  /// Those that serve a slot.
  std::vector<RedisNode> masters() const;
  bool is_complete() const;

 private:
  static constexpr std::uint16_t kNone = 0xffff;
  std::uint16_t index_of(const RedisNode& node);

  std::vector<RedisNode> nodes_;
  std::vector<std::uint16_t> slots_ = std::vector<std::uint16_t>(kRedisSlots, kNone);
};

}  // namespace slipstream
