#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace slipstream::game {

/// How it stands with a game that has to be asked for what it sends.
enum class ClientState : std::uint8_t {
  kAsking,   ///< it was asked, and there was no time to answer yet
  kLive,     ///< it sends
  kSilent,   ///< it does not
  kRefused,  ///< it says why
};
constexpr std::string_view to_string(ClientState state) {
  switch (state) {
    case ClientState::kAsking:
      return "asking";
    case ClientState::kLive:
      return "live";
    case ClientState::kSilent:
      return "silent";
    case ClientState::kRefused:
      return "refused";
  }
  return {};
}

/// What has to be said to a game so that it sends, and goes on. It sends nothing itself and reads
/// no clock. One thread.
class GameClient {
 public:
  virtual ~GameClient() = default;
  /// A datagram that came from the game.
  virtual void heard(std::string_view datagram, SteadyTime now) = 0;
  /// Appends what is to be sent to the game now; a few datagrams at most, whatever it sent.
  virtual void take_due(SteadyTime now, std::vector<std::string>& out) = 0;
  /// Likewise at the end.
  virtual void take_farewell(std::vector<std::string>& /*out*/) {}

  virtual ClientState state(SteadyTime now) const = 0;
  /// What is the matter and what to do about it, in a sentence; empty: nothing is.
  virtual std::string trouble(SteadyTime now) const = 0;
};

}  // namespace slipstream::game
