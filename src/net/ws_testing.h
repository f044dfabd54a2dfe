#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/ws_frame.h"

namespace slipstream::ws_testing {

struct FrameOptions {
  bool final = true;
  std::uint8_t reserved = 0;  ///< RSV1 is 4
  bool masked = true;
  std::array<std::uint8_t, 4> mask = {0x37, 0xfa, 0x21, 0x3d};
};

/// A frame as a client sends it, rightly or wrongly.
inline std::string client_frame(WsOpcode opcode, std::string_view payload,
                                const FrameOptions& options = {}) {
  std::string frame;
  append_frame_head(frame, opcode, payload.size());
  auto first = static_cast<std::uint8_t>(frame[0]);
  if (!options.final) first = static_cast<std::uint8_t>(first & ~0x80u);
  frame[0] = static_cast<char>(first | options.reserved << 4);
  if (!options.masked) return frame += payload;
  frame[1] = static_cast<char>(static_cast<std::uint8_t>(frame[1]) | 0x80u);
  for (const auto byte : options.mask) frame += static_cast<char>(byte);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(payload[i] ^ options.mask[i % 4]);
  }
  return frame;
}

/// A close frame as a client sends it.
inline std::string client_close(std::uint16_t code, std::string_view reason = "") {
  std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code)};
  return client_frame(WsOpcode::kClose, payload + std::string(reason));
}

}  // namespace slipstream::ws_testing
