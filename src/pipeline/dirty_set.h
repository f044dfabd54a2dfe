#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace slipstream {

/// Which series of a partition changed or were removed since it was last asked: what the next
/// checkpoint has to write and to delete. As large as the series numbers are high. One thread.
class DirtySet {
 public:
  void changed(std::uint32_t series) { mark(series, Mark::kChanged); }
  /// Until it changes again, under whatever name.
  void removed(std::uint32_t series) { mark(series, Mark::kRemoved); }

  bool empty() const { return marked_.empty(); }
  std::size_t size() const { return marked_.size(); }

  /// Both in order of number; a series is in one of them at most.
  struct Taken {
    std::vector<std::uint32_t> changed;
    std::vector<std::uint32_t> removed;
  };
  /// Fills `taken` anew and is empty afterwards.
  void take(Taken& taken) {
    taken.changed.clear();
    taken.removed.clear();
    std::ranges::sort(marked_);
    for (const auto series : marked_) {
      Mark& mark = marks_[series];
      (mark == Mark::kChanged ? taken.changed : taken.removed).push_back(series);
      mark = Mark::kNone;
    }
    marked_.clear();
  }

 private:
  enum class Mark : std::uint8_t { kNone, kChanged, kRemoved };

  void mark(std::uint32_t series, Mark mark) {
    if (series >= marks_.size()) marks_.resize(series + std::size_t{1});
    if (marks_[series] == Mark::kNone) marked_.push_back(series);
    marks_[series] = mark;
  }

  std::vector<Mark> marks_;            // by number
  std::vector<std::uint32_t> marked_;  // the numbers that have one
};

}  // namespace slipstream
