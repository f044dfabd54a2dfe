#pragma once
#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "model/point.h"

namespace slipstream {

/// Points without a time have that of their arrival; where one of their members looks like the time
/// that was meant, whoever runs the server is told, once a source. Threads: any; once a source has
/// its hint, note() takes no lock.
class TimeHints {
 public:
  enum class Kind : std::uint8_t {
    kLooksLikeOne,  ///< a member that nobody's name is
    kIsEarly,       ///< a usual name, whose number would be a time before 2000
  };
  struct Hint {
    Kind kind;
    std::string member;
  };

  bool wants(SourceKind source) const {
    return !of(source).is_noted.load(std::memory_order_relaxed);
  }
  void note(SourceKind source, Kind kind, std::string_view member) {
    if (!wants(source)) return;
    const std::lock_guard lock(mutex_);
    One& one = hints_[static_cast<std::size_t>(source)];
    if (one.is_noted.exchange(true)) return;
    one.hint = {kind, std::string(member)};
  }
  /// What is to be told of the source; each once.
  std::optional<Hint> take(SourceKind source) {
    if (wants(source)) return std::nullopt;
    const std::lock_guard lock(mutex_);
    return std::exchange(hints_[static_cast<std::size_t>(source)].hint, std::nullopt);
  }

 private:
  struct One {
    std::atomic<bool> is_noted{false};
    std::optional<Hint> hint;  ///< guarded by mutex_
  };
  const One& of(SourceKind source) const { return hints_[static_cast<std::size_t>(source)]; }

  std::mutex mutex_;
  std::array<One, kSourceKindCount> hints_;
};

}  // namespace slipstream
