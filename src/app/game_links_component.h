#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/basics.h"
#include "app/component.h"
#include "net/io_thread.h"
#include "source/game_link.h"
#include "source/rejection_log.h"
#include "source/udp_source.h"

namespace slipstream {

/// Games that have to be asked for what they send ([[gt7]], [[acc]]): each has a UDP source of its
/// own, with a socket and a thread, and what has to be said to the game is said by the same socket.
class GameLinksComponent final : public Component {
 public:
  /// Points are handed to `sink`; all of it outlives this. Errors: a port is in use; a host is not
  /// known.
  static Result<std::unique_ptr<GameLinksComponent>> open(const Basics& basics, IoThread& io,
                                                          PointSink& sink, const Gauge& viewers,
                                                          RejectionLog& rejection_log);

  std::string_view name() const override { return "game-links"; }
  void start() override;
  /// Takes what the kernel still holds, and takes leave of the games.
  bool stop() override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;

 private:
  struct Asked {
    std::string_view game;  ///< "gt7"
    std::string peer;       ///< HOST:PORT of the game
    std::unique_ptr<GameLink> link;
    std::unique_ptr<UdpSource> source;  ///< its receiver uses the link
  };
  struct Wanted {
    std::string_view game;
    std::string section;  ///< that messages name
    HostPort peer;
    std::uint16_t port;  ///< to listen at; 0: a free one
    std::string_view decoder;
    std::unique_ptr<game::GameClient> client;
  };

  GameLinksComponent(const Basics& basics, IoThread& io) : basics_(basics), io_(io) {}
  Result<void> add(Wanted wanted, const UdpSource::Borrowed& borrowed);
  void tell_changes();

  const Basics basics_;
  IoThread& io_;
  std::vector<Asked> asked_;
  std::vector<game::ClientState> told_;  ///< of each, by the log; on the I/O thread
};

}  // namespace slipstream
