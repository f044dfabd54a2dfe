#pragma once
#include <simdjson.h>

#include <array>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broadcast/channel.h"
#include "broadcast/filter.h"
#include "model/stored_rollups.h"

namespace slipstream {

/// What a client asks for, by {"type":"subscribe",...}. It replaces what it asked for before.
struct Subscription {
  std::array<bool, kChannelCount> channels = {true, true};
  Filter filter = {};
  Policy policy = Policy::kSkip;
  bool from_session = false;  ///< first the points that the running sessions have had so far

  bool has(Channel channel) const { return channels[index(channel)]; }
  /// As members of the answer: "channels":[...],"where":{...},...
  void append_json(std::string& out, const std::vector<std::string>& stored_windows) const;
};

struct PingCommand {};
struct SubscribeCommand {
  Subscription subscription;
};
struct ResumeCommand {
  Channel channel = Channel::kRollups;
  RollupCursor after;
};
struct PublishCommand {
  std::string_view points;            ///< an array, as it was sent
  std::string_view traceparent = {};  ///< whose part it is; empty: nobody's
};

struct ClientMessage {
  std::variant<PingCommand, SubscribeCommand, ResumeCommand, PublishCommand> command;
  std::string_view id = {};  ///< as it was sent: a string with its quotes, or a number; empty: none
};

/// Why a message is not acted upon. Reasons are part of the contract with clients.
struct MessageFault {
  std::string_view reason;
  std::string message;
  std::string id = {};  ///< as JSON; empty: it gave none that is one
};
/// {"type":"error","reason":...,"message":...}, with "id" where there is one.
std::string error_text(const MessageFault& fault);

/// The names of windows: those that are stored, and those that are not.
struct WindowNames {
  std::vector<std::string> stored;
  std::vector<std::string> unstored;
};

/// Understands what clients say. One thread.
class ClientMessageParser {
 public:
  static constexpr std::size_t kMaxWhereValues = 256;  ///< of tracks and chassis together
  static constexpr std::size_t kMaxFields = 64;
  static constexpr std::size_t kMaxNameBytes = 128;
  static constexpr std::size_t kMaxIdBytes = 255;  ///< as it is spelled
  static constexpr std::size_t kMaxIdDigits = 32;
  static constexpr double kMinHz = 0.01;
  static constexpr double kMaxHz = 1'000;

  explicit ClientMessageParser(WindowNames windows) : windows_(std::move(windows)) {}

  /// What is returned refers to `text`, and to the parser until the next message.
  std::expected<ClientMessage, MessageFault> parse(std::string_view text);
  const WindowNames& windows() const { return windows_; }

 private:
  using Object = simdjson::dom::object;
  std::expected<ClientMessage, MessageFault> parse_object(std::string_view text,
                                                          const Object& object);
  std::expected<Subscription, MessageFault> parse_subscription(const Object& object) const;
  /// A publish whose points are no JSON, without them: who decodes them says what is wrong where.
  simdjson::simdjson_result<simdjson::dom::element> parse_around_points(std::string_view text);

  const WindowNames windows_;
  simdjson::dom::parser parser_;
  std::string around_points_;
};

}  // namespace slipstream
