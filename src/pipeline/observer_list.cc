#include "pipeline/observer_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace slipstream {
namespace {

/// The first byte of saved windows that have states with them. Windows alone begin with a version
/// of their own (window/window_state.cc), which counts from 1.
constexpr std::uint8_t kWithObservers = 128;

Result<std::string_view> damaged() {
  return fail("saved states of observers: damaged", ErrorCode::kCorrupt);
}

}  // namespace

ObserverList::ObserverList(PartitionObservers observers) : observers_(std::move(observers)) {
  for (const auto& observer : observers_) {
    CHECK(observer != nullptr, "a list of observers names those that there are");
    const auto has_its_name = [&](const PartitionObserver* other) {
      return other->name() == observer->name();
    };
    CHECK(std::ranges::none_of(stateful_, has_its_name) &&
              std::ranges::none_of(stateless_, has_its_name),
          "a state is found again by its observer's name");
    (observer->state() != nullptr ? stateful_ : stateless_).push_back(observer.get());
  }
}

void ObserverList::folded(const PointBatch& batch, std::size_t end, const RollupBatch& closed_now) {
  if (stateful_.empty()) return;
  CHECK(told_points_ <= end && end <= batch.points.size(), "points are told once, in their order");
  const auto points = std::span(batch.points).subspan(told_points_, end - told_points_);
  told_points_ = end;
  if (!points.empty()) {
    for (PartitionObserver* const observer : stateful_) observer->observe(batch, points);
  }
  closed(closed_now);
}

void ObserverList::closed(const RollupBatch& closed) {
  if (stateful_.empty()) return;
  CHECK(told_closed_ <= closed.size(), "what the work has closed only grows");
  const auto rollups = std::span(closed).subspan(told_closed_);
  told_closed_ = closed.size();
  if (rollups.empty()) return;
  for (PartitionObserver* const observer : stateful_) observer->observe_closed(rollups);
}

void ObserverList::save(std::string& windows) const {
  if (stateful_.empty()) return;
  std::string bytes;
  ByteWriter out(bytes);
  out.fixed(kWithObservers);
  out.text(windows);
  std::string state;
  for (PartitionObserver* const observer : stateful_) {
    state.clear();
    observer->state()->save(state);
    out.text(observer->name());
    out.text(state);
  }
  windows = std::move(bytes);
}

Result<std::string_view> ObserverList::restore(std::string_view saved, const Warn& warn) {
  clear();
  ByteReader in(saved);
  if (saved.empty() || in.fixed<std::uint8_t>() != kWithObservers) return saved;
  const std::string_view windows = in.text();
  while (in.ok() && in.left() > 0) {
    const std::string_view name = in.text();
    const std::string_view state = in.text();
    if (!in.ok()) break;
    const auto observer = std::ranges::find(stateful_, name, &PartitionObserver::name);
    if (observer == stateful_.end()) {
      if (warn) {
        warn(fmt::format("the checkpoint has a state of \"{}\", which is not here: it is let go",
                         name));
      }
    } else if (auto restored = (*observer)->state()->restore(state); !restored) {
      return fail(fmt::format("saved state of {}: {}", name, restored.error().message),
                  restored.error().code);
    }
  }
  return in.ok() ? Result<std::string_view>(windows) : damaged();
}

void ObserverList::clear() {
  for (PartitionObserver* const observer : stateful_) observer->state()->clear();
}

}  // namespace slipstream
