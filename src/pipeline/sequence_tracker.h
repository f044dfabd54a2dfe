#pragma once
#include <cstdint>

#include "base/bytes.h"

namespace slipstream {

/// Watches the numbers a machine gives its points. A number skipped counts as missing until it
/// comes; one that comes again, or more than 64 behind the newest, counts as a repeat.
class SequenceTracker {
 public:
  struct Change {
    std::int64_t missing = 0;  ///< to be added to the missing
    std::uint64_t repeats = 0;
  };

  Change see(std::uint64_t number) {
    if (!started_) {
      started_ = true;
      newest_ = number;
      seen_ = 1;
      return {};
    }
    if (number > newest_) {
      const std::uint64_t step = number - newest_;
      newest_ = number;
      seen_ = step < 64 ? (seen_ << step) | 1 : 1;
      missing_ += step - 1;
      return {.missing = static_cast<std::int64_t>(step - 1)};
    }
    const std::uint64_t behind = newest_ - number;
    const std::uint64_t bit = behind < 64 ? std::uint64_t{1} << behind : 0;
    if (bit == 0 || (seen_ & bit) != 0 || missing_ == 0) {
      ++repeats_;
      return {.repeats = 1};
    }
    seen_ |= bit;
    --missing_;
    return {.missing = -1};
  }
  std::uint64_t missing() const { return missing_; }
  std::uint64_t repeats() const { return repeats_; }

  void save(ByteWriter& out) const {
    out.flag(started_);
    if (!started_) return;
    out.varint(newest_);
    out.varint(seen_);
    out.varint(missing_);
    out.varint(repeats_);
  }
  void restore(ByteReader& in) {
    *this = {};
    started_ = in.flag();
    if (!started_) return;
    newest_ = in.varint();
    seen_ = in.varint();
    missing_ = in.varint();
    repeats_ = in.varint();
  }

 private:
  bool started_ = false;
  std::uint64_t newest_ = 0;
  std::uint64_t seen_ = 0;  ///< bit i: newest_ - i has come
  std::uint64_t missing_ = 0;
  std::uint64_t repeats_ = 0;
};

}  // namespace slipstream
