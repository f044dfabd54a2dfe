#include "racing/lap_quality.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "racing/motion.h"

namespace slipstream {
namespace {

/// Steps are told apart by milliseconds, longer ones the coarser the longer they are.
std::int64_t rounded_us(std::int64_t ns) {
  const std::int64_t us = ns / kNsPerUs;
  std::int64_t unit = 1'000;
  while (us >= unit * 1'000) unit *= 10;
  return (us + unit / 2) / unit * unit;
}

}  // namespace

LapQuality::Outcome LapQuality::add_out_of_step(std::uint64_t id, EventTime when) {
  const auto behind = std::ranges::upper_bound(runs_, id, {}, &Run::first);
  const bool has_before = behind != runs_.begin();
  const auto before = has_before ? behind - 1 : behind;
  if (has_before && id <= before->last) {
    return before->is_void ? Outcome::kVoid : Outcome::kDuplicate;
  }
  if (!has_before && settled_points_ > 0) return Outcome::kTooOld;
  const bool joins_before = has_before && !before->is_void && before->last + 1 == id;
  const bool joins_behind = behind != runs_.end() && !behind->is_void && id + 1 == behind->first;
  if (joins_before) {
    before->longest_ns = std::max(before->longest_ns, ns_between(before->ended, when));
    before->last = id;
    before->ended = when;
  }
  if (joins_behind) {
    behind->longest_ns = std::max(behind->longest_ns, ns_between(when, behind->began));
    behind->first = id;
    behind->began = when;
  }
  if (joins_before && joins_behind) {
    before->longest_ns = std::max(before->longest_ns, behind->longest_ns);
    before->last = behind->last;
    before->ended = behind->ended;
    runs_.erase(behind);
  } else if (!joins_before && !joins_behind) {
    runs_.insert(behind, {.first = id, .last = id, .began = when, .ended = when});
    if (runs_.size() > kMostRuns) settle_oldest_run();
  }
  return Outcome::kNew;
}

/// The hole behind it is settled with it.
void LapQuality::settle_oldest_run() {
  const Run& oldest = runs_[0];
  const Run& next = runs_[1];
  if (!oldest.is_void) settled_points_ += oldest.count();
  settled_missing_ += next.first - oldest.last - 1;
  settled_gap_ns_ = std::max(settled_gap_ns_, oldest.longest_ns);
  if (!oldest.is_void && !next.is_void) {
    settled_gap_ns_ = std::max(settled_gap_ns_, ns_between(oldest.ended, next.began));
  }
  runs_.erase(runs_.begin());
}

LapQuality::Outcome LapQuality::add(EventTime when, bool is_resumed) {
  if (is_settled_) return Outcome::kTooOld;
  if (times_.empty() || when > times_.back()) {
    if (!times_.empty() && !is_resumed) count_step(ns_between(times_.back(), when), true);
    times_.push_back(when);
  } else {
    const auto place = std::ranges::lower_bound(times_, when);
    if (*place == when) return Outcome::kDuplicate;
    if (place == times_.begin()) {
      if (settled_points_ > 0) return Outcome::kTooOld;
    } else {
      const EventTime before = *std::prev(place);
      count_step(ns_between(before, *place), false);
      count_step(ns_between(before, when), true);
    }
    count_step(ns_between(when, *place), true);
    times_.insert(place, when);
  }
  if (times_.size() > kMostTimes) {
    ++settled_points_;
    settled_gap_ns_ = std::max(settled_gap_ns_, ns_between(times_[0], times_[1]));
    times_.pop_front();
  }
  return Outcome::kNew;
}

void LapQuality::count_step(std::int64_t ns, bool is_there) {
  const std::int64_t us = rounded_us(ns);
  auto place = std::ranges::lower_bound(steps_, us, {}, &Step::us);
  if (place == steps_.end() || place->us != us) {
    if (steps_.size() < kMostSteps) {
      place = steps_.insert(place, {us, 0});
    } else if (place == steps_.end()) {
      --place;
    }
  }
  if (is_there) {
    ++place->count;
  } else if (place->count > 0 && --place->count == 0) {
    steps_.erase(place);
  }
}

void LapQuality::settle() {
  if (times_.empty()) return;
  settled_gap_ns_ = longest_gap_ns();
  settled_points_ += times_.size();
  times_.clear();
  is_settled_ = true;
}

std::uint64_t LapQuality::take_back(std::uint64_t from, std::uint64_t until) {
  std::uint64_t taken = 0;
  while (!runs_.empty() && runs_.back().first >= from) {
    if (!runs_.back().is_void) taken += runs_.back().count();
    runs_.pop_back();
  }
  if (!runs_.empty() && runs_.back().last >= from) {
    Run& cut = runs_.back();
    if (!cut.is_void) {
      taken += cut.last - from + 1;
      // Of the points within a run only the first and the last time are known; what is told of the
      // time between points stays an upper bound.
      const double share =
          static_cast<double>(from - 1 - cut.first) / static_cast<double>(cut.last - cut.first);
      cut.ended.ns = cut.began.ns +
                     std::llround(share * static_cast<double>(ns_between(cut.began, cut.ended)));
    }
    cut.last = from - 1;
  }
  if (until >= from) {
    runs_.push_back({.first = from, .last = until, .is_void = true});
    if (runs_.size() > kMostRuns) settle_oldest_run();
  }
  return taken;
}

std::uint64_t LapQuality::points() const {
  std::uint64_t points = settled_points_ + times_.size();
  for (const Run& run : runs_) points += run.is_void ? 0 : run.count();
  return points;
}

std::int64_t LapQuality::usual_step_ns() const {
  std::uint64_t count = 0;
  for (const Step& step : steps_) count += step.count;
  if (count < kFewestSteps) return 0;
  std::uint64_t below = 0;
  for (const Step& step : steps_) {
    below += step.count;
    if (2 * below >= count) return step.us * kNsPerUs;
  }
  return 0;
}

std::uint64_t LapQuality::missing() const {
  std::uint64_t missing = settled_missing_;
  for (std::size_t i = 1; i < runs_.size(); ++i) {
    missing += runs_[i].first - runs_[i - 1].last - 1;
  }
  const std::int64_t usual_us = usual_step_ns() / kNsPerUs;
  if (usual_us <= 0) return missing;
  for (const Step& step : steps_) {
    const std::int64_t room = (step.us + usual_us / 2) / usual_us - 1;
    if (room > 0) missing += static_cast<std::uint64_t>(room) * step.count;
  }
  return missing;
}

std::int64_t LapQuality::longest_gap_ns() const {
  std::int64_t longest = settled_gap_ns_;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    longest = std::max(longest, runs_[i].longest_ns);
    if (i > 0 && !runs_[i].is_void && !runs_[i - 1].is_void) {
      longest = std::max(longest, ns_between(runs_[i - 1].ended, runs_[i].began));
    }
  }
  for (std::size_t i = 1; i < times_.size(); ++i) {
    longest = std::max(longest, ns_between(times_[i - 1], times_[i]));
  }
  return longest;
}

}  // namespace slipstream
