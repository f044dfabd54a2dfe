#include "model/series_limit.h"

#include <algorithm>

namespace slipstream {
namespace {

constexpr std::int64_t kLookNs = 60 * kNsPerSecond;

/// Once a minute, and where the clock was set back.
bool is_due(std::int64_t looked_ns, std::int64_t now_ns) {
  return now_ns - looked_ns >= kLookNs || now_ns < looked_ns;
}

}  // namespace

bool SeriesLimit::admit(std::uint64_t machine, std::uint64_t series, ArrivalTime now) {
  const std::lock_guard lock(mutex_);
  if (const auto known = machines_.find(machine); known != machines_.end()) {
    auto& last_ns = known->second.last_ns_by_series;
    if (const auto at = last_ns.find(series); at != last_ns.end()) {
      at->second = std::max(at->second, now.ns);
      return true;
    }
  }
  if (size_ >= max_in_all_) make_room_in_all(now.ns);
  if (size_ >= max_in_all_) return false;
  Machine& its = machines_[machine];
  if (!make_room(its, now.ns)) return false;
  its.last_ns_by_series.emplace(series, now.ns);
  ++size_;
  return true;
}

void SeriesLimit::restore(std::uint64_t machine, std::uint64_t series, ArrivalTime last) {
  const std::lock_guard lock(mutex_);
  const auto [at, is_new] = machines_[machine].last_ns_by_series.try_emplace(series, last.ns);
  at->second = std::max(at->second, last.ns);
  if (is_new) ++size_;
}

std::size_t SeriesLimit::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

/// Looking at all of a machine's series takes its time: it is done once a minute.
bool SeriesLimit::make_room(Machine& machine, std::int64_t now_ns) {
  auto& last_ns = machine.last_ns_by_series;
  if (last_ns.size() >= max_per_machine_ && is_due(machine.looked_ns, now_ns)) {
    machine.looked_ns = now_ns;
    size_ -= forget_old(machine, now_ns);
  }
  return last_ns.size() < max_per_machine_;
}

void SeriesLimit::make_room_in_all(std::int64_t now_ns) {
  if (!is_due(looked_ns_, now_ns)) return;
  looked_ns_ = now_ns;
  boost::unordered::erase_if(machines_, [&](auto& entry) {
    size_ -= forget_old(entry.second, now_ns);
    return entry.second.last_ns_by_series.empty();
  });
}

std::size_t SeriesLimit::forget_old(Machine& machine, std::int64_t now_ns) {
  return boost::unordered::erase_if(machine.last_ns_by_series, [&](const auto& entry) {
    return now_ns - entry.second >= kKeptNs;
  });
}

}  // namespace slipstream
