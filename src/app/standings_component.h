#pragma once
#include <atomic>
#include <cstdint>

#include "app/component.h"
#include "broadcast/hub.h"
#include "net/io_thread.h"
#include "racing/standings.h"

namespace slipstream {

/// The order of the cars on each track: on the channel `standings` five times a second while their
/// points come, then once a second until their silence is known, and for whoever asks.
class StandingsComponent final : public Component {
 public:
  /// All of it outlives this.
  StandingsComponent(const Clock& clock, IoThread& io, Hub& hub);

  std::string_view name() const override { return "standings"; }
  void routes(HttpServer& http) override;
  void metrics(MetricsPage& page) const override;

  /// Observers of partitions tell it where cars are.
  Standings& standings() { return standings_; }

 private:
  void turn();
  void tell();
  HttpResponse answer(const HttpRequest& request);

  const Clock& clock_;
  IoThread& io_;
  Hub& hub_;
  std::atomic<bool> is_turning_ = false;
  std::atomic<bool> has_some_ = false;  ///< samples came since the last turn
  std::uint32_t quiet_turns_ = 0;
  Standings standings_;
};

}  // namespace slipstream
