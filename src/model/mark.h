#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"

namespace slipstream {

/// Something that happened at an instant of a session: a flag, a penalty, a place that was gone
/// back to. Marks have an order among points: what a mark says is so for the points behind it.
struct Mark {
  EventTime time = {};
  ArrivalTime arrival = {};
  std::string track = {};
  std::string session = {};  ///< what the source calls it; empty: it calls it nothing
  std::string chassis = {};  ///< the machine that it is about; empty: all
  std::string kind = {};     ///< "flashback", "penalty" ..., in lower case with `_`
  std::string text = {};     ///< for a person; may be empty
  /// Where the source has a clock of the session: its time, and the number of the frame that the
  /// mark belongs to.
  std::optional<double> session_time_s = {};
  std::optional<std::uint64_t> frame = {};
  /// Of a flashback: points of the session from this time on, which came before the mark, did not
  /// happen.
  std::optional<double> to_session_time_s = {};
  /// Of a save that was loaded: the session that this one goes on from, from the time above.
  std::string goes_on_from = {};

  /// Whether it is a flashback, and so points of its session did not happen: of all machines, from
  /// the time above on by is_taken_back(). No other kind takes points back.
  bool takes_points_back() const {
    return kind == "flashback" && to_session_time_s && !session.empty();
  }
};

/// Whether a point of that session's time is taken back by a flashback to that time. Times that a
/// game tells again are equal but for their rounding; a point without one is never told so.
inline bool is_taken_back(double session_time_s, double to_session_time_s) {
  constexpr double kSameTimeS = 1e-6;
  return session_time_s >= to_session_time_s - kSameTimeS;
}

using MarkPtr = std::shared_ptr<const Mark>;

/// About what it takes, for whoever bounds queues.
inline std::size_t bytes_of(const Mark& mark) {
  return sizeof mark + mark.track.size() + mark.session.size() + mark.chassis.size() +
         mark.kind.size() + mark.text.size() + mark.goes_on_from.size();
}

/// Limits of what a mark says, in bytes; whoever takes one from outside looks after them.
inline constexpr std::size_t kMaxMarkNameBytes = 128;  ///< of track, session and chassis
inline constexpr std::size_t kMaxMarkKindBytes = 64;
inline constexpr std::size_t kMaxMarkTextBytes = 512;

/// Takes marks in their order among the points that the same source gives. Must not block.
/// Threads: one, the source's.
class MarkSink {
 public:
  virtual ~MarkSink() = default;
  virtual void accept(const Mark& mark) = 0;
};

}  // namespace slipstream
