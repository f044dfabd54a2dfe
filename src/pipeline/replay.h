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
/// Given a key, and the place behind it, before any work of its body.
using TakeKey = std::function<void(const AnsweredKey&, LogOffset end)>;

/// Reads the entries [from, to) of the log, in order. Batches come from the pool and are the
/// receiver's. Errors: the log cannot be read at all; damage is skipped and told.
Result<ReplaySummary> replay_log(Log& log, LogOffset from, LogOffset to, Schema& schema,
                                 BatchPool& pool, const std::function<void(LogWork)>& take,
                                 const TakeKey& take_key = nullptr);

}  // namespace slipstream
