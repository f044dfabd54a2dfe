#include "net/ws_frame.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "net/deflate.h"

namespace slipstream {
namespace {

constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kDeflated = 0x40;  // RSV1
constexpr std::uint8_t kMasked = 0x80;
constexpr std::size_t kMaxControlBytes = 125;
constexpr std::size_t kMaskBytes = 4;

constexpr WsFault protocol(std::string_view reason) {
  return {1002, reason};
}

bool is_utf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

/// Codes that may stand in a close frame (RFC 6455 7.4).
bool is_close_code(std::uint16_t code) {
  if (code >= 3000 && code < 5000) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

std::size_t length_bytes(std::uint8_t second) {
  const unsigned length = second & 0x7fu;
  return length == 127 ? 8 : length == 126 ? 2 : 0;
}

}  // namespace

void append_frame_head(std::string& out, WsOpcode opcode, std::uint64_t payload_bytes,
                       bool deflated) {
  out += static_cast<char>(kFinal | (deflated ? kDeflated : 0) | static_cast<unsigned>(opcode));
  const auto big_endian = [&](int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
      out += static_cast<char>(payload_bytes >> shift);
    }
  };
  if (payload_bytes < 126) {
    out += static_cast<char>(payload_bytes);
  } else if (payload_bytes <= 0xffff) {
    out += static_cast<char>(126);
    big_endian(2);
  } else {
    out += static_cast<char>(127);
    big_endian(8);
  }
}

std::string make_frame(WsOpcode opcode, std::string_view payload) {
  std::string frame;
  append_frame_head(frame, opcode, payload.size());
  return frame += payload;
}

std::string make_close_frame(std::uint16_t code, std::string_view reason) {
  std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code)};
  payload += reason.substr(0, kMaxControlBytes - payload.size());
  CHECK(payload.size() <= kMaxControlBytes, "a control frame's payload is cut before it is framed");
  return make_frame(WsOpcode::kClose, payload);
}

std::expected<std::optional<WsIncoming>, WsFault> WsFrameParser::next() {
  while (!done_) {
    if (!in_payload_) {
      if (input_.empty()) return std::nullopt;
      if (const auto fault = read_head()) {
        done_ = true;
        return std::unexpected(*fault);
      }
      if (!in_payload_) return std::nullopt;  // the head goes on in the next bytes
    }
    take_payload();
    if (left_ > 0) return std::nullopt;
    in_payload_ = false;
    head_bytes_ = 0;
    if (!is_control() && !is_final()) continue;
    auto complete = is_control() ? finish_control() : finish_message();
    if (!complete) {
      done_ = true;
      return std::unexpected(complete.error());
    }
    done_ = complete->opcode == WsOpcode::kClose;
    return std::move(*complete);
  }
  input_ = {};
  return std::nullopt;
}

std::optional<WsFault> WsFrameParser::read_head() {
  const auto fill = [this](std::size_t wanted) {
    const std::size_t bytes = std::min(wanted - head_bytes_, input_.size());
    std::memcpy(head_.data() + head_bytes_, input_.data(), bytes);
    head_bytes_ += bytes;
    input_.remove_prefix(bytes);
    return head_bytes_ == wanted;
  };
  if (head_bytes_ < 2) {
    if (!fill(2)) return std::nullopt;
    if (const auto fault = check_head()) return fault;
  }
  const std::size_t length = length_bytes(head_[1]);
  if (!fill(2 + length + kMaskBytes)) return std::nullopt;

  std::uint64_t size = head_[1] & 0x7fu;
  if (length > 0) {
    size = 0;
    for (std::size_t i = 0; i < length; ++i) size = size << 8 | head_[2 + i];
    if (size < 126 || (length == 8 && size <= 0xffff)) {
      return protocol("a length is not written in the shortest form");
    }
    if (size >> 63 != 0) return protocol("a length has its highest bit set");
  }
  const std::size_t before = is_control() ? 0 : message_.size();
  if (size > options_.max_message_bytes - before) return WsFault{1009, "the message is too large"};
  std::memcpy(mask_.data(), head_.data() + 2 + length, kMaskBytes);
  mask_at_ = 0;
  left_ = size;
  in_payload_ = true;
  if (is_control()) {
    control_.clear();
  } else if (opcode() != WsOpcode::kContinuation) {
    in_message_ = true;
    message_opcode_ = opcode();
    deflated_ = (head_[0] & kDeflated) != 0;
  }
  return std::nullopt;
}

std::optional<WsFault> WsFrameParser::check_head() const {
  if ((head_[0] & 0x30) != 0) return protocol("a reserved bit is set");
  const bool is_first = opcode() == WsOpcode::kText || opcode() == WsOpcode::kBinary;
  if ((head_[0] & kDeflated) != 0 && !(options_.deflate && is_first)) {
    return protocol("a reserved bit is set");
  }
  switch (opcode()) {
    case WsOpcode::kContinuation:
      if (!in_message_) return protocol("a continuation of nothing");
      break;
    case WsOpcode::kText:
    case WsOpcode::kBinary:
      if (in_message_) return protocol("a message begins within another");
      break;
    case WsOpcode::kClose:
    case WsOpcode::kPing:
    case WsOpcode::kPong:
      if (!is_final()) return protocol("a control frame is fragmented");
      if ((head_[1] & 0x7fu) > kMaxControlBytes) return protocol("a control frame is too long");
      break;
    default:
      return protocol("an opcode is not known");
  }
  if ((head_[1] & kMasked) == 0) return protocol("a frame is not masked");
  return std::nullopt;
}

void WsFrameParser::take_payload() {
  const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input_.size()));
  std::string& into = is_control() ? control_ : message_;
  const std::size_t begin = into.size();
  into.append(input_.substr(0, bytes));
  input_.remove_prefix(bytes);
  left_ -= bytes;

  std::array<std::uint8_t, 8> turned{};
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = mask_[(mask_at_ + i) % kMaskBytes];
  std::uint64_t mask = 0;
  std::memcpy(&mask, turned.data(), sizeof mask);
  char* at = into.data() + begin;
  std::size_t i = 0;
  for (; i + sizeof mask <= bytes; i += sizeof mask) {
    std::uint64_t word = 0;
    std::memcpy(&word, at + i, sizeof word);
    word ^= mask;
    std::memcpy(at + i, &word, sizeof word);
  }
  for (; i < bytes; ++i) at[i] = static_cast<char>(at[i] ^ turned[i % turned.size()]);
  mask_at_ = (mask_at_ + bytes) % kMaskBytes;
}

std::expected<WsIncoming, WsFault> WsFrameParser::finish_control() {
  WsIncoming incoming{.opcode = opcode(), .payload = std::move(control_)};
  control_.clear();
  if (incoming.opcode != WsOpcode::kClose) return incoming;
  std::string& payload = incoming.payload;
  if (payload.empty()) {
    incoming.code = 1005;
    return incoming;
  }
  if (payload.size() == 1) return std::unexpected(protocol("half a close code"));
  incoming.code = static_cast<std::uint16_t>(static_cast<std::uint8_t>(payload[0]) << 8 |
                                             static_cast<std::uint8_t>(payload[1]));
  payload.erase(0, 2);
  if (!is_close_code(incoming.code)) return std::unexpected(protocol("no such close code"));
  if (!is_utf8(payload)) return std::unexpected(WsFault{1007, "a close reason is not UTF-8"});
  return incoming;
}

std::expected<WsIncoming, WsFault> WsFrameParser::finish_message() {
  in_message_ = false;
  WsIncoming incoming{.opcode = message_opcode_, .payload = std::move(message_)};
  message_.clear();
  if (deflated_) {
    auto inflated = inflate_message(incoming.payload, options_.max_message_bytes);
    if (!inflated) {
      return std::unexpected(inflated.error() == InflateFault::kTooLarge
                                 ? WsFault{1009, "the message is too large once inflated"}
                                 : WsFault{1007, "the message is not deflated as it says"});
    }
    incoming.payload = std::move(*inflated);
  }
  if (incoming.opcode == WsOpcode::kText && !is_utf8(incoming.payload)) {
    return std::unexpected(WsFault{1007, "the message is not UTF-8"});
  }
  return incoming;
}

}  // namespace slipstream
