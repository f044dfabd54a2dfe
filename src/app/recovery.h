#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "app/durable_parts.h"
#include "pipeline/pipeline.h"

namespace slipstream {

/// What was read again from the log at the start.
struct Recovered {
  std::uint64_t points = 0;
  double seconds = 0;
  std::vector<AnsweredKey> keys;
};

/// Told how far it is: entries done, of how many.
using RecoveryProgress = std::function<void(std::uint64_t done, std::uint64_t of)>;

std::filesystem::path log_folder(const Config& config);
/// Where what pinned sessions need of the log is kept, once retention lets it go.
std::filesystem::path pinned_folder(const Config& config);

/// Opens the log, and brings windows that an earlier run with other definitions, or another number
/// of partitions, left open to their end; afterwards the store's state is of today's definitions.
Result<void> open_log(DurableParts& parts);

/// Brings the pipeline to where the log ends: states from the store, then the log from there. What
/// cannot be read is logged and added to `parts.lost`.
/// Before the workers run; the store's thread must run.
Result<Recovered> recover(DurableParts& parts, Pipeline& pipeline,
                          const RecoveryProgress& progress);

}  // namespace slipstream
