#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "log/log.h"

namespace slipstream {

/// What the log cannot give back, each offset once, whoever finds it how often. Threads: any.
class LostRanges {
 public:
  /// Returns what of the range was not known: in parts, where others lie within it.
  std::vector<LostRange> add(const LostRange& range);
  void add(const std::vector<LostRange>& ranges) {
    for (const LostRange& range : ranges) add(range);
  }

  /// By offset, at most `limit`; ranges of one file that touch and have one cause are one.
  std::vector<LostRange> list(std::size_t limit) const;
  std::uint64_t entries() const;

 private:
  void insert(const LostRange& range);

  mutable std::mutex mutex_;                   // guards all below
  std::map<std::uint64_t, LostRange> ranges_;  // by where they begin; none overlap
  std::uint64_t entries_ = 0;
};

}  // namespace slipstream
