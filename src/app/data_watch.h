#pragma once
#include <mutex>
#include <optional>
#include <string>

#include "app/durable_parts.h"
#include "base/file_watch.h"

namespace slipstream {

/// Sees to it that no acknowledgement goes on where the data directory, the log or the store was
/// deleted or replaced under the running server: writes to an open file succeed long after its name
/// is gone. It looks every kIntervalMs:
/// - the data directory, the log's folder, or the store's file is gone or another: the log and the
///   store take nothing, as if their disk had failed, until what was opened is back in its place or
///   the server is started again (with another log, or none, acknowledgements do not hang on
///   files);
/// - a segment of the log is gone or another: what is lost on the disk is told; the log goes on in
///   another segment.
/// Threads: begin() before the others; look() on one; trouble() from any.
class DataWatch {
 public:
  static constexpr std::int64_t kIntervalMs = 2'000;

  explicit DataWatch(DurableParts& parts) : parts_(parts) {}

  /// When log and store are open.
  void begin();
  void look();
  /// What is wrong, for people.
  std::optional<std::string> trouble() const;

 private:
  void note(std::optional<std::string> trouble);

  DurableParts& parts_;
  FileWatch files_;
  mutable std::mutex mutex_;  // guards trouble_
  std::optional<std::string> trouble_;
};

}  // namespace slipstream
