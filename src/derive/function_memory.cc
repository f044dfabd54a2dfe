#include "derive/function_memory.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace slipstream {

std::optional<double> RateMemory::take(const PointPlace& place, double value) {
  const bool had = std::exchange(has_before_, true);
  const EventTime time = std::exchange(time_, place.time);
  const double before = std::exchange(value_, value);
  if (!had || place.time <= time) return std::nullopt;
  return (value - before) / (static_cast<double>(place.time.ns - time.ns) * 1e-9);
}

void RateMemory::save(ByteWriter& out) const {
  out.flag(has_before_);
  out.fixed(time_.ns);
  out.fixed(value_);
}

void RateMemory::restore(ByteReader& in) {
  has_before_ = in.flag();
  time_ = {in.fixed<std::int64_t>()};
  value_ = in.fixed<double>();
}

void MeanMemory::clear() {
  entries_.clear();
  old_ = 0;
  add_up_new();
}

void MeanMemory::add_up_old() {
  double sum = 0;
  std::uint64_t count = 0;
  for (std::size_t i = old_; i-- > 0;) {
    entries_[i].sum_from = sum += entries_[i].sum;
    entries_[i].count_from = count += entries_[i].count;
  }
}

void MeanMemory::add_up_new() {
  new_sum_ = 0;
  new_count_ = 0;
  for (std::size_t i = old_; i < entries_.size(); ++i) {
    new_sum_ += entries_[i].sum;
    new_count_ += entries_[i].count;
  }
}

void MeanMemory::turn() {
  old_ = entries_.size();
  add_up_old();
  add_up_new();
}

void MeanMemory::join_neighbours() {
  // Of what the first one holds nobody knows the beginning any more: it takes up no others.
  std::deque<Entry> joined = {entries_.front()};
  std::int64_t begin = entries_.front().time_ns;
  for (std::size_t i = 1; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    const bool is_near = joined.size() > 1 && entry.time_ns - begin <= span_ns_ / 128;
    if (!is_near) {
      begin = joined.back().time_ns;
      joined.push_back(entry);
      continue;
    }
    joined.back().time_ns = entry.time_ns;
    joined.back().count += entry.count;
    joined.back().sum += entry.sum;
  }
  entries_ = std::move(joined);
  turn();
}

std::optional<double> MeanMemory::take(const PointPlace& place, double value) {
  std::int64_t time = place.time.ns;
  if (!entries_.empty()) {
    const std::int64_t newest = entries_.back().time_ns;
    if (time <= newest - span_ns_)
      clear();
    else
      time = std::max(time, newest);
  }
  if (entries_.size() == kMostEntries) join_neighbours();
  entries_.push_back({.time_ns = time, .count = 1, .sum = value});
  new_sum_ += value;
  ++new_count_;
  while (entries_.front().time_ns <= time - span_ns_) {
    if (old_ == 0) turn();
    entries_.pop_front();
    --old_;
  }
  const bool has_old = old_ > 0;
  const double sum = (has_old ? entries_.front().sum_from : 0) + new_sum_;
  const std::uint64_t count = (has_old ? entries_.front().count_from : 0) + new_count_;
  return sum / static_cast<double>(count);
}

void MeanMemory::save(ByteWriter& out) const {
  out.varint(entries_.size());
  out.varint(old_);
  std::int64_t before = 0;
  for (const Entry& entry : entries_) {
    out.zigzag(entry.time_ns - std::exchange(before, entry.time_ns));
    out.varint(entry.count);
    out.fixed(entry.sum);
  }
}

void MeanMemory::restore(ByteReader& in) {
  entries_.clear();
  const std::uint64_t count = in.varint();
  old_ = in.varint();
  std::int64_t before = 0;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Entry entry;
    entry.time_ns = before += in.zigzag();
    entry.count = static_cast<std::uint32_t>(in.varint());
    entry.sum = in.fixed<double>();
    entries_.push_back(entry);
  }
  old_ = std::min(old_, entries_.size());
  add_up_old();
  add_up_new();
}

void DeltaLapMemory::begin_lap(std::int32_t lap) {
  has_before_ = lap_ && lap == *lap_ + 1;
  before_ = has_before_ ? std::exchange(driven_, {}) : Samples{};
  driven_.clear();
  step_m_ = kNearestM;
  lap_ = lap;
}

bool DeltaLapMemory::keep(double distance_m, double value) {
  if (!driven_.empty()) {
    const double farthest = driven_.back().distance_m;
    if (distance_m < farthest / 2 && distance_m < kAtLineM && farthest > 2 * kAtLineM) return false;
    while (!driven_.empty() && driven_.back().distance_m >= distance_m) driven_.pop_back();
    if (!driven_.empty() && distance_m - driven_.back().distance_m < step_m_) return true;
  }
  if (driven_.size() == kMostSamples) {
    for (std::size_t i = 0; 2 * i < driven_.size(); ++i) driven_[i] = driven_[2 * i];
    driven_.resize((driven_.size() + 1) / 2);
    step_m_ *= 2;
  }
  driven_.push_back({distance_m, value});
  return true;
}

std::optional<double> DeltaLapMemory::before_at(double distance_m) const {
  if (!has_before_) return std::nullopt;
  const auto behind = std::ranges::lower_bound(before_, distance_m, {}, &Sample::distance_m);
  if (behind == before_.end()) return std::nullopt;
  if (behind->distance_m == distance_m) return behind->value;
  if (behind == before_.begin()) return std::nullopt;
  const auto ahead = std::prev(behind);
  const double length = behind->distance_m - ahead->distance_m;
  if (length > kFarthestM) return std::nullopt;
  const double share = (distance_m - ahead->distance_m) / length;
  return ahead->value + share * (behind->value - ahead->value);
}

std::optional<double> DeltaLapMemory::take(const PointPlace& place, double value) {
  if (!std::isfinite(place.distance_m)) return std::nullopt;
  if (!lap_ || *lap_ != place.lap) begin_lap(place.lap);
  if (!keep(place.distance_m, value)) return std::nullopt;
  const auto before = before_at(place.distance_m);
  if (!before) return std::nullopt;
  return value - *before;
}

void DeltaLapMemory::save(ByteWriter& out) const {
  out.flag(lap_.has_value());
  out.zigzag(lap_.value_or(0));
  out.flag(has_before_);
  out.fixed(step_m_);
  for (const Samples* const samples : {&driven_, &before_}) {
    out.varint(samples->size());
    for (const Sample& sample : *samples) {
      out.fixed(sample.distance_m);
      out.fixed(sample.value);
    }
  }
}

void DeltaLapMemory::restore(ByteReader& in) {
  const bool has_lap = in.flag();
  const auto lap = static_cast<std::int32_t>(in.zigzag());
  lap_ = has_lap ? std::optional(lap) : std::nullopt;
  has_before_ = in.flag();
  step_m_ = in.fixed<double>();
  for (Samples* const samples : {&driven_, &before_}) {
    samples->clear();
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
      const auto distance_m = in.fixed<double>();
      samples->push_back({distance_m, in.fixed<double>()});
    }
  }
}

void save(const FunctionMemory& memory, ByteWriter& out) {
  std::visit([&](const auto& one) { one.save(out); }, memory);
}

void restore(FunctionMemory& memory, ByteReader& in) {
  std::visit([&](auto& one) { one.restore(in); }, memory);
}

}  // namespace slipstream
