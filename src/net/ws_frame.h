#pragma once
#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace slipstream {

enum class WsOpcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

/// Appends the head of a whole, unmasked frame, as a server sends it (RFC 6455 5.2).
void append_frame_head(std::string& out, WsOpcode opcode, std::uint64_t payload_bytes,
                       bool deflated = false);
/// The frame with its payload.
std::string make_frame(WsOpcode opcode, std::string_view payload);
/// A close frame; the reason is cut to what fits.
std::string make_close_frame(std::uint16_t code, std::string_view reason);

/// What is wrong with what a client sent: to be closed with this code.
struct WsFault {
  std::uint16_t code;  ///< 1002 protocol, 1007 not UTF-8 or not deflated, 1009 too large
  std::string_view reason;
};

/// Something complete that a client sent.
struct WsIncoming {
  WsOpcode opcode;         ///< kText for a message, however many frames it came in; never a part
  std::string payload;     ///< of a close: the reason
  std::uint16_t code = 0;  ///< of a close: 1005 where the client gave none
};

/// Takes a client's bytes apart, however they are cut: masked frames, fragmented messages, control
/// frames in between, permessage-deflate without context takeover. Texts are valid UTF-8. Pure; one
/// thread. Bounded by the largest message.
class WsFrameParser {
 public:
  struct Options {
    std::size_t max_message_bytes = std::size_t{1} << 20;  ///< also once inflated
    bool deflate = false;                                  ///< negotiated
  };
  explicit WsFrameParser(Options options) : options_(options) {}

  /// The next bytes; all before must have been consumed by next(). They must live until they are.
  void feed(std::string_view bytes) { input_ = bytes; }
  /// What is complete next; nothing: all bytes are consumed. After a fault or a close there is
  /// nothing more.
  std::expected<std::optional<WsIncoming>, WsFault> next();

 private:
  std::optional<WsFault> read_head();
  std::optional<WsFault> check_head() const;
  std::expected<WsIncoming, WsFault> finish_control();
  std::expected<WsIncoming, WsFault> finish_message();
  bool is_control() const { return (head_[0] & 0x08) != 0; }
  bool is_final() const { return (head_[0] & 0x80) != 0; }
  WsOpcode opcode() const { return static_cast<WsOpcode>(head_[0] & 0x0f); }
  void take_payload();

  const Options options_;
  std::string_view input_;
  bool done_ = false;

  // Of the frame in hand.
  std::array<std::uint8_t, 14> head_{};
  std::size_t head_bytes_ = 0;  ///< read so far
  bool in_payload_ = false;
  std::uint64_t left_ = 0;   ///< bytes of payload still to come
  std::size_t mask_at_ = 0;  ///< where in the mask the next byte of payload falls
  std::array<std::uint8_t, 4> mask_{};

  std::string control_;
  // Of the message in hand.
  bool in_message_ = false;
  bool deflated_ = false;
  WsOpcode message_opcode_ = WsOpcode::kText;
  std::string message_;
};

}  // namespace slipstream
