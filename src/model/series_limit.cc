#include "model/series_limit.h"

#include <algorithm>

#include "base/check.h"

namespace slipstream {
namespace {

constexpr std::int64_t kLookNs = 60 * kNsPerSecond;

/// Once a minute, and where the clock was set back.
bool is_due(std::int64_t looked_ns, std::int64_t now_ns) {
  return now_ns - looked_ns >= kLookNs || now_ns < looked_ns;
}

}  // namespace

SeriesLimit::Answer SeriesLimit::admit(std::uint64_t machine, std::uint64_t series,
                                       std::size_t bytes, ArrivalTime now) {
  const std::lock_guard lock(mutex_);
  if (const auto known = machines_.find(machine); known != machines_.end()) {
    auto& its = known->second.series;
    if (const auto at = its.find(series); at != its.end()) {
      at->second.last_ns = std::max(at->second.last_ns, now.ns);
      return Answer::kTaken;
    }
  }
  if (is_full_in_all(bytes)) make_room_in_all(now.ns);
  if (is_full_in_all(bytes)) return Answer::kAllFull;
  Machine& its = machines_[machine];
  if (!make_room(its, now.ns)) return Answer::kMachineFull;
  add(its, series, bytes, now);
  return Answer::kTaken;
}

void SeriesLimit::restore(std::uint64_t machine, std::uint64_t series, std::size_t bytes,
                          ArrivalTime last) {
  const std::lock_guard lock(mutex_);
  Machine& its = machines_[machine];
  if (const auto at = its.series.find(series); at != its.series.end()) {
    at->second.last_ns = std::max(at->second.last_ns, last.ns);
  } else {
    add(its, series, bytes, last);
  }
}

void SeriesLimit::add(Machine& machine, std::uint64_t series, std::size_t bytes, ArrivalTime last) {
  machine.series.emplace(series, Series{last.ns, bytes});
  ++size_;
  bytes_ += bytes;
}

std::size_t SeriesLimit::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

bool SeriesLimit::is_full_in_all(std::size_t bytes) const {
  return size_ >= max_in_all_ || bytes_ + bytes > max_bytes_in_all_;
}

/// Looking at all of a machine's series takes its time: it is done once a minute.
bool SeriesLimit::make_room(Machine& machine, std::int64_t now_ns) {
  if (machine.series.size() >= max_per_machine_ && is_due(machine.looked_ns, now_ns)) {
    machine.looked_ns = now_ns;
    forget_old(machine, now_ns);
  }
  return machine.series.size() < max_per_machine_;
}

void SeriesLimit::make_room_in_all(std::int64_t now_ns) {
  if (!is_due(looked_ns_, now_ns)) return;
  looked_ns_ = now_ns;
  boost::unordered::erase_if(machines_, [&](auto& entry) {
    forget_old(entry.second, now_ns);
    return entry.second.series.empty();
  });
}

void SeriesLimit::forget_old(Machine& machine, std::int64_t now_ns) {
  boost::unordered::erase_if(machine.series, [&](const auto& entry) {
    if (now_ns - entry.second.last_ns < kKeptNs) return false;
    CHECK(size_ > 0 && bytes_ >= entry.second.bytes, "a series that is there was counted");
    --size_;
    bytes_ -= entry.second.bytes;
    return true;
  });
}

}  // namespace slipstream
