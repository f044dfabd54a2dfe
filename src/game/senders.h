#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"

namespace slipstream::game {

/// What is kept of each sender. Bounded: a sender that is silent for ten minutes is forgotten, and
/// of kMost another one gets the place of whoever is silent longest, unless all are busy. One
/// thread.
template <typename State>
class Senders {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::int64_t kForgottenNs = 600 * kNsPerSecond;
  static constexpr std::int64_t kBusyNs = 5 * kNsPerSecond;

  /// nullptr: there is no place. `make` makes what is kept of a new one.
  template <typename Make>
  State* find(std::uint64_t sender, ArrivalTime now, Make make) {
    for (One& one : all_) {
      if (one.sender != sender) continue;
      if (is_silent(one, now, kForgottenNs)) one.state = make();
      one.seen = now;
      return one.state.get();
    }
    std::erase_if(all_, [now](const One& one) { return is_silent(one, now, kForgottenNs); });
    if (all_.size() == kMost) {
      One* longest = &all_.front();
      for (One& one : all_) {
        if (one.seen < longest->seen) longest = &one;
      }
      if (!is_silent(*longest, now, kBusyNs)) return nullptr;
      *longest = {sender, now, make()};
      return longest->state.get();
    }
    return all_.emplace_back(sender, now, make()).state.get();
  }
  template <typename Use>
  void each(Use use) const {
    for (const One& one : all_) use(*one.state);
  }
  std::size_t size() const { return all_.size(); }

 private:
  struct One {
    std::uint64_t sender;
    ArrivalTime seen;
    std::unique_ptr<State> state;
  };
  static bool is_silent(const One& one, ArrivalTime now, std::int64_t ns) {
    return now.ns - one.seen.ns > ns;
  }

  std::vector<One> all_;
};

}  // namespace slipstream::game
