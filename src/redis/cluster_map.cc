#include "redis/cluster_map.h"

#include <algorithm>
#include <charconv>

namespace slipstream {

namespace {

/// CRC16-XMODEM, as Redis Cluster has it.
constexpr std::array<std::uint16_t, 256> kCrcTable = [] {
  std::array<std::uint16_t, 256> table{};
  for (unsigned i = 0; i < 256; ++i) {
    unsigned crc = i << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ ((crc & 0x8000u) != 0 ? 0x1021u : 0u);
    table[i] = static_cast<std::uint16_t>(crc);
  }
  return table;
}();

template <typename T>
bool read_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

/// The host of one node in CLUSTER SLOTS: [host, port, id, [name, value, ...]].
std::string host_of(ReplyView node, std::string_view asked_host) {
  const auto host = node[0].text();
  if (host == "?") {  // it should have a name, and has none
    const auto ip = node[3].member("ip").text();
    return std::string(ip.empty() ? asked_host : ip);
  }
  return std::string(host.empty() ? asked_host : host);
}

}  // namespace

std::uint16_t redis_slot(std::string_view key) {
  if (const auto open = key.find('{'); open != std::string_view::npos) {
    const auto close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  unsigned crc = 0;
  for (const char c : key) {
    crc = ((crc << 8) & 0xffffu) ^ kCrcTable[((crc >> 8) ^ static_cast<unsigned char>(c)) & 0xffu];
  }
  return static_cast<std::uint16_t>(crc % kRedisSlots);
}

std::optional<RedisRedirect> parse_redirect(ReplyView reply, std::string_view asked_host) {
  const auto error = classify(reply);
  if (error != ReplyError::kMoved && error != ReplyError::kAsk) return std::nullopt;
  auto text = reply.text();
  text.remove_prefix(text.find(' ') + 1);
  const auto blank = text.find(' ');
  const auto colon = text.rfind(':');  // an IPv6 address has more of them
  if (blank == std::string_view::npos || colon == std::string_view::npos || colon < blank) {
    return std::nullopt;
  }
  RedisRedirect out;
  out.is_ask = error == ReplyError::kAsk;
  out.to.host = text.substr(blank + 1, colon - blank - 1);
  if (out.to.host.empty() || out.to.host == "?") out.to.host = asked_host;
  if (!read_number(text.substr(0, blank), out.slot) || out.slot >= kRedisSlots ||
      !read_number(text.substr(colon + 1), out.to.port)) {
    return std::nullopt;
  }
  return out;
}

Result<ClusterMap> ClusterMap::parse(ReplyView slots, std::string_view asked_host) {
  if (!slots.is_array()) return fail("CLUSTER SLOTS: " + std::string(slots.text()));
  ClusterMap map;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto range = slots[i];
    const auto first = range[0].integer();
    const auto last = range[1].integer();
    const auto master = range[2];
    if (range.size() < 3 || first < 0 || last < first ||
        last >= static_cast<std::int64_t>(kRedisSlots) || master.size() < 2) {
      return fail("CLUSTER SLOTS: range " + std::to_string(i) + " is of an unknown form");
    }
    const auto index = map.index_of(
        {host_of(master, asked_host), static_cast<std::uint16_t>(master[1].integer())});
    std::fill(map.slots_.begin() + first, map.slots_.begin() + last + 1, index);
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    for (std::size_t n = 3; n < slots[i].size(); ++n) {
      const auto replica = slots[i][n];
      map.index_of(
          {host_of(replica, asked_host), static_cast<std::uint16_t>(replica[1].integer())});
    }
  }
  return map;
}

const RedisNode* ClusterMap::master_of(std::uint16_t slot) const {
  const auto index = slots_[slot];
  return index == kNone ? nullptr : &nodes_[index];
}

void ClusterMap::move(std::uint16_t slot, const RedisNode& node) {
  slots_[slot] = index_of(node);
}

std::vector<RedisNode> ClusterMap::masters() const {
  std::vector<bool> serves(nodes_.size());
  for (const auto index : slots_) {
    if (index != kNone) serves[index] = true;
  }
  std::vector<RedisNode> out;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (serves[i]) out.push_back(nodes_[i]);
  }
  return out;
}

bool ClusterMap::is_complete() const {
  return std::find(slots_.begin(), slots_.end(), kNone) == slots_.end();
}

std::uint16_t ClusterMap::index_of(const RedisNode& node) {
  const auto index = std::find(nodes_.begin(), nodes_.end(), node) - nodes_.begin();
  if (static_cast<std::size_t>(index) == nodes_.size()) nodes_.push_back(node);
  return static_cast<std::uint16_t>(index);
}

}  // namespace slipstream
