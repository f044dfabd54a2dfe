#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "base/error.h"
#include "log/log.h"
#include "model/point.h"
#include "pipeline/work.h"

namespace slipstream {

/// A piece of work read back from the log. No partition: it is for all of them.
struct LogWork {
  std::optional<std::uint32_t> partition;
  Work work;
};

struct ReplaySummary {
  std::uint64_t points = 0;
  std::vector<LostRange> lost;  ///< what the log could not give back
  std::vector<AnsweredKey> keys;
};
/// Who is told what a replay meets, in the order of the log.
struct ReplayTakers {
  /// Batches come from the pool and are the receiver's.
  std::function<void(LogWork)> work;
  /// A key, and the place behind it, before any work of its body.
  std::function<void(const AnsweredKey&, LogOffset end)> key = nullptr;
  /// Entries that are not there.
  std::function<void(LogOffset from, LogOffset to)> gap = nullptr;
};

enum class ReadAhead : std::uint8_t {
  kNo,
  kYes,  ///< on a thread of its own, so that what is taken costs reading no time
};

/// Reads the entries [from, to) of the log. Errors: the log cannot be read at all; damage is
/// skipped and told. Takers are called on the caller's thread.
Result<ReplaySummary> replay_log(Log& log, LogOffset from, LogOffset to, Schema& schema,
                                 BatchPool& pool, const ReplayTakers& takers,
                                 ReadAhead ahead = ReadAhead::kNo);

}  // namespace slipstream
