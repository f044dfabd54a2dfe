#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broadcast/audience.h"
#include "model/rollup.h"
#include "model/stored_rollups.h"

namespace slipstream {

/// What one commit gave, and what the newest stored row was before and after it.
struct CommittedRollups {
  RollupBatch rollups;
  std::vector<RollupRow> rows;
  RollupCursor before;
  RollupCursor after;

  std::size_t bytes() const;
};

/// A commit as the messages that each group of clients gets: made when they are first asked for,
/// and once. I/O thread.
class RollupMessages {
 public:
  static constexpr std::size_t kMaxRollups = 500;  ///< in a message
  static constexpr std::size_t kMaxBytes = std::size_t{256} << 10;

  RollupMessages(CommittedRollups committed, const FieldTable& fields);

  const std::vector<FramePtr>& of(const Group& group);
  /// Gives the memory of what was made back; it is made again when it is asked for.
  void forget();
  const CommittedRollups& committed() const { return committed_; }

 private:
  std::vector<FramePtr> encode(const Group& group);

  CommittedRollups committed_;
  const FieldTable* fields_;
  std::vector<std::string> texts_;  ///< of each rollup, encoded when first asked for
  std::vector<std::pair<std::shared_ptr<const Filter>, std::vector<FramePtr>>> made_;
};

/// The message of a page read from the store: one, since the cursor stands behind all of it.
FramePtr rollup_page_message(const Group& group, const StoredRollups& page);

}  // namespace slipstream
