#pragma once
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "model/rollup.h"

namespace slipstream {

/// Which rollups of earlier runs may hold the points that are folded now, by their numbers. There
/// are some only in a replay, behind entries of the log that cannot be read any more; a restart
/// within it must still know them, so they are saved with the windows. One thread.
class EarlierRollups {
 public:
  void add(SequenceRange those) {
    if (those.last > those.after) ranges_.push_back(those);
  }
  /// The replay has come to entries that no earlier run had: what is folded now is in none.
  void clear() { ranges_.clear(); }
  const std::vector<SequenceRange>& ranges() const { return ranges_; }

  void save(ByteWriter& out) const {
    for (const SequenceRange& those : ranges_) {
      out.varint(those.after);
      out.varint(those.last);
    }
  }
  /// Takes all that is left of `in`, whose end is the caller's to check.
  static EarlierRollups restore(ByteReader& in) {
    EarlierRollups earlier;
    while (in.ok() && in.left() > 0) {
      const std::uint64_t after = in.varint();
      earlier.ranges_.push_back({after, in.varint()});
    }
    return earlier;
  }

 private:
  std::vector<SequenceRange> ranges_;
};

}  // namespace slipstream
