#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "codec/rollup_json.h"
#include "model/sinks.h"

namespace slipstream {

/// The newest closed windows of each definition whose windows are not stored; of the others the
/// store answers. Newest is what closed last. Threads: any; a mutex guards the deques.
class RollupMemory final : public RollupSink {
 public:
  explicit RollupMemory(const FieldTable& fields, std::size_t max_rollups_per_window = 5'000)
      : fields_(fields), max_rollups_(max_rollups_per_window) {}

  void accept(const RollupBatch& rollups, std::span<const RollupRow> rows) override;
  /// Newest first, as the store answers; the cursor is "m" and a number.
  Result<RollupPage> query(const RollupQuery& query) const;

 private:
  struct Kept {
    std::uint64_t number;  ///< counts the rollups that came
    RollupPtr rollup;
  };

  std::vector<Kept> find(const RollupQuery& query, std::uint64_t first, std::uint64_t last) const;

  const FieldTable& fields_;
  const std::size_t max_rollups_;
  mutable std::mutex mutex_;  // guards all below
  std::map<std::string, std::deque<Kept>, std::less<>> by_window_;
  std::uint64_t next_number_ = 1;
};

}  // namespace slipstream
