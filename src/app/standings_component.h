#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "app/component.h"
#include "broadcast/hub.h"
#include "model/stored_laps.h"
#include "net/io_thread.h"
#include "racing/standings.h"
#include "racing/standings_message.h"

namespace slipstream {

/// The order of the cars on each track: on the channel `standings` five times a second while their
/// points come, then once a second until their silence is known, and for whoever asks.
class StandingsComponent final : public Component {
 public:
  struct Parts {
    const Clock& clock;
    IoThread& io;
    Hub& hub;
    const LapBook& book;  ///< what sessions and lines of tracks there are
    IoThread& queries;    ///< where it is asked
    std::int64_t session_gap_ns;
  };
  /// All of it outlives this.
  explicit StandingsComponent(const Parts& parts);

  std::string_view name() const override { return "standings"; }
  void routes(HttpServer& http) override;
  void metrics(MetricsPage& page) const override;

  /// Observers of partitions tell it where cars are.
  Standings& standings() { return standings_; }

 private:
  /// What the book said of a track last.
  struct Known {
    std::string line_name;
    std::string line_text;
    TrackFacts facts;
  };
  static constexpr std::int64_t kBetweenLooksNs = 2 * kNsPerSecond;

  void look();
  /// `parts`: what sources call the newest sessions, by track.
  void look_up(const std::map<std::string, std::string>& parts);
  std::string running_session(const std::string& track, const std::string& part,
                              EventTime now) const;
  const TrackFacts& facts_of(const std::string& track) const;
  void turn();
  void tell();
  HttpResponse answer(const HttpRequest& request);

  const Parts parts_;
  std::atomic<bool> is_turning_ = false;
  std::atomic<bool> has_some_ = false;  ///< samples came since the last turn
  std::uint32_t quiet_turns_ = 0;
  bool is_looking_ = false;
  SteadyTime looked_ = kNever;
  std::map<std::string, TrackFacts> facts_;  ///< by track
  std::map<std::string, Known> known_;       ///< likewise; the queries thread's alone
  Standings standings_;
};

}  // namespace slipstream
