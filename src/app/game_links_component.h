#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/basics.h"
#include "app/component.h"
#include "app/late_names.h"
#include "net/io_thread.h"
#include "source/game_link.h"
#include "source/rejection_log.h"
#include "source/udp_source.h"

namespace slipstream {

/// Games that have to be asked for what they send ([[gt7]], [[acc]]): each has a UDP source of its
/// own, with a socket and a thread, and what has to be said to the game is said by the same socket.
/// One whose host is not known has its port from the start, and the rest once its name is known.
class GameLinksComponent final : public Component {
 public:
  /// Points are handed to `sink`; all of it outlives this. Errors: a port is in use; an address is
  /// none of one game.
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
    std::string place;    ///< "[[gt7]] number 1", where the file says
    HostPort peer;
    std::uint16_t port;  ///< to listen at; 0: a free one
    std::string_view decoder;
    std::unique_ptr<game::GameClient> client;
  };

  /// A game that is not spoken with yet. What changes is of the I/O thread, once there is one.
  struct Waiting {
    Wanted wanted;
    std::string called;
    std::optional<UdpSocket> socket;  ///< nothing: it is spoken with
    std::string why;                  ///< its host is not known; empty: it is spoken with
  };

  GameLinksComponent(const Basics& basics, IoThread& io, const UdpSource::Borrowed& borrowed)
      : basics_(basics), io_(io), borrowed_(borrowed) {}
  Result<void> add(Wanted wanted);
  Result<void> link(Wanted& wanted, const std::string& called, UdpSocket& socket,
                    const Endpoint& peer);
  bool look_for(Waiting& waiting);
  void take_known(Waiting& waiting, const Endpoint& peer);
  void take_unknown(Waiting& waiting, std::string why);
  void tell_changes();

  const Basics basics_;
  IoThread& io_;
  const UdpSource::Borrowed borrowed_;
  std::vector<Asked> asked_;  ///< after start() it grows on the I/O thread, under the mutex
  std::vector<game::ClientState> told_;  ///< of each, by the log; on the I/O thread
  std::vector<std::unique_ptr<Waiting>> waiting_;
  std::mutex mutex_;      // guards what is below, and that asked_ grows
  bool is_over_ = false;  ///< stop() has begun
  LateNames late_names_;
};

}  // namespace slipstream
