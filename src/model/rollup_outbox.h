#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace slipstream {

/// Rollups on their way to a stream, committed together.
struct OutboxRow {
  std::uint64_t id = 0;  ///< grows, also from run to run; none is used twice
  std::uint64_t count = 0;
  std::string rollups;  ///< as JSON, each ended by a line's end
};

/// Where committed rollups wait until they have got to the streams that others read. What is in it
/// outlives the process. Threads: one, beside whoever commits.
class RollupOutbox {
 public:
  virtual ~RollupOutbox() = default;
  /// Who counts these ids: the same name for the life of the store, and of no other store.
  virtual const std::string& writer() const = 0;
  /// Streams that rollups wait for; does not touch the disk.
  virtual std::vector<std::string> streams() const = 0;
  /// The stream's oldest rows, up to about `max_bytes`, but at least one where there is one.
  virtual Result<std::vector<OutboxRow>> read(const std::string& stream, std::size_t max_bytes) = 0;
  /// The stream has its rows up to this one.
  virtual Result<void> remove(const std::string& stream, std::uint64_t up_to) = 0;
};

}  // namespace slipstream
