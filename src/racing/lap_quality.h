#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "racing/motion.h"

namespace slipstream {

/// Which of a machine's points came, of one lap, in whatever order: how many, which twice, how many
/// are missing, and the longest time between two that follow each other.
///
/// By the numbers of points (frames, sequences) where they have some, kept as runs of numbers
/// without a hole. Else by their times: two at one time are one told twice, and missing is what the
/// usual step (the median) leaves room for.
///
/// Bounded: kMostRuns runs, kMostTimes times. What is older than those is settled: what comes that
/// late is too old, and changes nothing. One thread.
class LapQuality {
 public:
  static constexpr std::size_t kMostRuns = 256;
  static constexpr std::size_t kMostTimes = 1'536;
  static constexpr std::size_t kMostSteps = 512;
  static constexpr std::uint64_t kFewestSteps = 8;  ///< that a usual step is told of

  enum class Outcome : std::uint8_t { kNew, kDuplicate, kTooOld, kVoid };

  /// By number, or by time. Points of both kinds in one lap are counted each by its own.
  Outcome add(std::uint64_t id, EventTime when) {
    if (!runs_.empty()) {
      Run& last = runs_.back();
      if (id > last.last && id - last.last == 1 && !last.is_void) {
        last.longest_ns = std::max(last.longest_ns, ns_between(last.ended, when));
        last.last = id;
        last.ended = when;
        return Outcome::kNew;
      }
    }
    return add_out_of_step(id, when);
  }
  /// `is_resumed`: nothing is missing before it.
  Outcome add(EventTime when, bool is_resumed = false);

  /// Takes away the points from that number on; returns how many. The numbers up to `until` are
  /// gone, and none of them is missing. A point of theirs that still comes is kVoid.
  std::uint64_t take_back(std::uint64_t from, std::uint64_t until);

  std::uint64_t points() const;
  std::uint64_t missing() const;
  std::int64_t longest_gap_ns() const;
  /// 0: too few points.
  std::int64_t usual_step_ns() const;

  bool has_ids() const { return !runs_.empty(); }
  bool ends_void() const { return !runs_.empty() && runs_.back().is_void; }
  /// Only where it has ids.
  std::uint64_t last_id() const { return runs_.back().last; }

  /// Nothing comes any more: what tells points from duplicates is let go.
  void settle();

  template <typename Archive>
  void keep(Archive& archive) {
    archive(runs_, steps_, settled_points_, settled_missing_, settled_gap_ns_, is_settled_);
    keep_times(archive);
  }

 private:
  /// Numbers that follow each other.
  struct Run {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    EventTime began = {};
    EventTime ended = {};
    std::int64_t longest_ns = 0;  ///< between two of its points
    bool is_void = false;         ///< taken back: none of them counts

    std::uint64_t count() const { return last - first + 1; }
    template <typename Archive>
    void keep(Archive& archive) {
      archive(first, last, began, ended, longest_ns, is_void);
    }
  };
  struct Step {
    std::int64_t us = 0;
    std::uint64_t count = 0;
    template <typename Archive>
    void keep(Archive& archive) {
      archive(us, count);
    }
  };

  Outcome add_out_of_step(std::uint64_t id, EventTime when);
  void settle_oldest_run();
  void count_step(std::int64_t ns, bool is_there);
  template <typename Archive>
  void keep_times(Archive& archive);

  std::vector<Run> runs_;        // by number
  std::deque<EventTime> times_;  // in their order
  std::vector<Step> steps_;      // between times, by length
  std::uint64_t settled_points_ = 0;
  std::uint64_t settled_missing_ = 0;
  std::int64_t settled_gap_ns_ = 0;
  bool is_settled_ = false;
};

/// Times follow each other evenly: what is left of each is its step's difference from the step
/// before, in the unit that they all are multiples of.
template <typename Archive>
void LapQuality::keep_times(Archive& archive) {
  auto count = static_cast<std::uint64_t>(times_.size());
  std::int64_t unit = kNsPerMs;
  for (const EventTime time : times_) {
    while (time.ns % unit != 0) unit /= 1'000;
  }
  archive(count, unit);
  if constexpr (Archive::kReads) {
    times_.clear();
    if (count > kMostTimes || unit <= 0) return archive.refuse();
  }
  // Times may be centuries apart, and damaged numbers of any size: sums wrap around.
  std::uint64_t last = 0;
  std::uint64_t step = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::int64_t change = 0;
    if constexpr (!Archive::kReads) {
      const std::int64_t time = times_[static_cast<std::size_t>(i)].ns / unit;
      change = static_cast<std::int64_t>(static_cast<std::uint64_t>(time) - last - step);
    }
    archive(change);
    if constexpr (Archive::kReads) {
      const std::uint64_t sum = last + step + static_cast<std::uint64_t>(change);
      const auto time = static_cast<std::int64_t>(sum * static_cast<std::uint64_t>(unit));
      if (!archive.ok() || (!times_.empty() && time <= times_.back().ns)) return archive.refuse();
      times_.push_back({time});
    }
    const auto now = static_cast<std::uint64_t>(times_[static_cast<std::size_t>(i)].ns / unit);
    if (i > 0) step = now - last;
    last = now;
  }
}

}  // namespace slipstream
