#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/statistic.h"

namespace slipstream {

/// What becomes of a late point: the watermark, or a change of place, has closed its window. (One
/// that was closed by idleness, or at a stop, is opened anew.) It is counted either way.
enum class LatePolicy : std::uint8_t {
  kDrop,
  kRollup,  ///< it goes to a rollup of its own, marked late
};

/// A kind of window, as configured. Track and chassis are always part of its key.
struct WindowDefinition {
  std::string name;
  bool key_lap = false;
  bool key_sector = false;
  std::uint32_t close_count = 0;  ///< closes at this many points; 0: not by count
  std::int64_t every_ms = 0;      ///< tumbling windows of event time; 0: not by time
  std::int64_t lateness_ms =
      1'000;                        ///< with every_ms: how far event time may lag behind its newest
  bool close_on_change = false;     ///< closes when the machine moves to another lap or sector
  std::int64_t idle_ms = 2'000;     ///< closes when its machine sent nothing for so long
  bool stored = false;              ///< its rollups go to the store
  StatisticGroups statistics = {};  ///< beside those that every window has
  LatePolicy late = LatePolicy::kRollup;
  /// A stamp that is ahead of its arrival by more moves no watermark, and makes no right one late:
  /// only a wrong clock makes one. Nothing: any stamp does, as in 0.1.
  std::optional<std::int64_t> ahead_ms = kAheadMs;

  static constexpr std::int64_t kAheadMs = 2'000;
  friend bool operator==(const WindowDefinition&, const WindowDefinition&) = default;
};

/// bucket (the replaced system's), sector and second.
std::vector<WindowDefinition> default_windows(std::uint32_t flush_threshold = 10,
                                              std::int64_t bucket_idle_ms = 2'000);

/// Names every fault: none closes at all, a name twice, a change without a key dimension ...
Result<void> validate(const std::vector<WindowDefinition>& definitions);

/// One line a definition, all of its members in a fixed order: equal texts, equal definitions. What
/// 0.1 did not have is left out where it is nothing, so that its texts are read. It is kept beside
/// saved windows, to notice a change of definitions and to close by the old ones.
std::string to_text(const std::vector<WindowDefinition>& definitions);
/// Takes only what to_text() writes, to the byte.
Result<std::vector<WindowDefinition>> definitions_from_text(std::string_view text);

}  // namespace slipstream
