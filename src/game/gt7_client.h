#pragma once
#include <string>

#include "game/game_client.h"

namespace slipstream::game {

struct Gt7ClientOptions {
  std::string console;                  ///< its address, for messages
  std::uint16_t console_port = 33'739;  ///< at which it is asked
  std::uint16_t port = 33'740;          ///< to which it sends
  char type = 'A';                      ///< of the packets that are asked for: A, B, ~ or C
};

/// Asks a console for the packets of Gran Turismo 7: by one letter a second, without which it
/// stops. Which packets come is decided by the first letter that it got until it has stopped.
class Gt7Client final : public GameClient {
 public:
  static constexpr std::int64_t kHeartbeatNs = kNsPerSecond;
  static constexpr std::int64_t kSilentNs = 10 * kNsPerSecond;

  Gt7Client(Gt7ClientOptions options, SteadyTime now)
      : options_(std::move(options)), heard_at_(now) {}

  /// Only what has the size of such a packet counts.
  void heard(std::string_view datagram, SteadyTime now) override;
  void take_due(SteadyTime now, std::vector<std::string>& out) override;
  ClientState state(SteadyTime now) const override;
  std::string trouble(SteadyTime now) const override;

 private:
  const Gt7ClientOptions options_;
  SteadyTime heard_at_;  ///< or begun at
  bool has_heard_ = false;
  SteadyTime asked_at_ = kNever;
};

}  // namespace slipstream::game
