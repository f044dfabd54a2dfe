#pragma once
#include <mutex>
#include <optional>
#include <string>

#include "base/error.h"

namespace slipstream {

/// What to do about a damaged store, for people.
inline constexpr const char* kStoreDamageAdvice =
    "stop the server, make the store anew with 'slipstream store rebuild DATA_DIR', start it again";

/// Whether damage of the store's file was met. It is on the disk and stays: this is never taken
/// back. Threads: any.
class StoreDamage {
 public:
  /// Takes note where the failure is one of damage; hands it on.
  template <typename T>
  Result<T> watch(Result<T> result) {
    if (!result && result.error().code == ErrorCode::kCorrupt) {
      const std::lock_guard lock(mutex_);
      if (!what_) what_ = result.error().message;
    }
    return result;
  }
  /// SQLite's words; nothing: none was met.
  std::optional<std::string> what() const {
    const std::lock_guard lock(mutex_);
    return what_;
  }

 private:
  mutable std::mutex mutex_;  // guards what_
  std::optional<std::string> what_;
};

}  // namespace slipstream
