#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/point_sender.h"
#include "cli/progress_bar.h"
#include "source/recording_decoder.h"

namespace slipstream {

/// Sends each item of a recording when its turn has come, and shows how far it is. One thread.
class PacedReplay {
 public:
  /// `speed`: times as fast; 0: as fast as it goes. `total`: of what `done` counts below.
  PacedReplay(PointSender& sender, double speed, std::size_t total,
              ProgressBar::Unit unit = ProgressBar::Unit::kItems)
      : sender_(sender), speed_(speed), bar_("replay", total, unit) {}

  /// A point; `done` of the total were before it.
  Result<void> send(std::int64_t pace_ns, std::string_view json, std::size_t done);
  /// A mark, likewise.
  Result<void> send_mark(std::int64_t pace_ns, std::string_view json, std::size_t done);
  /// Waits until it is the turn of what came then, of an item that is sent by somebody else.
  Result<void> wait(std::int64_t pace_ns, std::size_t done);
  Result<void> finish(std::size_t done);
  /// Sent; as far as somebody answers, answered.
  std::uint64_t points() const { return points_ - std::min(points_, sender_.waiting()); }
  std::uint64_t marks() const { return marks_; }
  double seconds() const;

 private:
  PointSender& sender_;
  const double speed_;
  ProgressBar bar_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::optional<std::int64_t> first_ns_;
  std::uint64_t points_ = 0;
  std::uint64_t marks_ = 0;
};

/// Sends what waits, tells what became of a recording, and whether all of it was taken: the exit
/// code. `items`: what was sent, "points".
int finish_replay(PacedReplay& replay, const PointSender& sender, Result<void> outcome,
                  std::size_t done, const ReplayOptions& options, const Unreadable& unreadable,
                  std::string_view items = "points");

}  // namespace slipstream
