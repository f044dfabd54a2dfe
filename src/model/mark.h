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
};

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
