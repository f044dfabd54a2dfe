#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/counters.h"
#include "base/error.h"
#include "game/game_client.h"
#include "net/endpoint.h"
#include "source/datagram_buffers.h"
#include "source/udp_socket.h"

namespace slipstream {

/// Speaks with the game that a UDP source gets its datagrams of, by the source's own socket, so
/// that the game answers to there: says what its GameClient wants said, at once where that answers
/// what came, and else when tick() is called. It never waits: what the system does not take is said
/// again, since the client goes by what comes back.
/// Threads: any. A mutex guards the client; it is taken once for what a call to the kernel brought.
class GameLink {
 public:
  /// By a second descriptor of `socket`. `game`: where the game is. Errors: no descriptor; the
  /// game's address is of a kind that the socket has no way to.
  static Result<std::unique_ptr<GameLink>> open(const UdpSocket& socket, const Endpoint& game,
                                                std::unique_ptr<game::GameClient> client);
  ~GameLink();
  GameLink(const GameLink&) = delete;
  GameLink& operator=(const GameLink&) = delete;

  /// What came, before it is decoded.
  void heard(const DatagramBuffers& received);
  /// Some times a second.
  void tick(SteadyTime now);
  /// The last that is said. From then on tick() says nothing.
  void say_farewell();

  game::ClientState state(SteadyTime now) const;
  /// In a sentence; empty: nothing is the matter.
  std::string trouble(SteadyTime now) const;

 private:
  GameLink(int fd, const Endpoint& game, std::unique_ptr<game::GameClient> client)
      : fd_(fd), game_(game), client_(std::move(client)) {}
  void say_locked();

  const int fd_;
  const Endpoint game_;
  mutable std::mutex mutex_;  // guards all below
  const std::unique_ptr<game::GameClient> client_;
  std::vector<std::string> due_;
  bool is_over_ = false;
  int error_number_ = 0;  ///< of what could not be said; 0: it could
};

}  // namespace slipstream
