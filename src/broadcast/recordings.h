#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "broadcast/filter.h"

namespace slipstream {

/// Some of what was recorded, in the order of the log.
struct RecordedPage {
  std::string points = {};  ///< as JSON objects with commas between them
  std::size_t count = 0;    ///< of them
  std::uint64_t lost = 0;   ///< entries of the log that cannot be given any more
  bool is_last = false;     ///< all that was asked for is given
  /// Retention took some of the sessions: what came to the server before that time.
  std::optional<EventTime> gone_before = {};
};
using RecordedTaker = std::function<void(const Result<RecordedPage>& page, Moment now)>;

/// What the running sessions have had so far, for one client. I/O thread.
class RecordedPoints {
 public:
  virtual ~RecordedPoints() = default;
  /// The next page of what stands in the log below `upto`; `taker` is called on the I/O thread,
  /// later. One at a time. Errors: the log cannot be read, or takes nothing at present.
  virtual void read(std::uint64_t upto, RecordedTaker taker) = 0;
};

/// Where what was recorded is to be had. I/O thread.
class Recordings {
 public:
  virtual ~Recordings() = default;
  /// Points from this place of the log on are yet to come to the broadcast.
  virtual std::uint64_t end() const = 0;
  /// Of what the filter takes, at most so often as it says, what it asks for of each point.
  virtual std::shared_ptr<RecordedPoints> open(std::shared_ptr<const Filter> filter) = 0;
};

}  // namespace slipstream
