#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "output/rollup_sender.h"

namespace slipstream {

/// A table [[output]] of the configuration: somewhere else that closed windows go.
struct OutputSettings {
  std::string kind;
  std::string name;  ///< of the destination; the kind's, unless the table says another
  std::vector<std::string> windows = {"bucket"};
  std::uint64_t max_rollups = RollupDestination{}.max_rollups;
  std::map<std::string, std::string> options = {};  ///< those that its kind has, as text
};

/// Something that an [[output]] of this kind may be told, beside what all may.
struct OutputOption {
  std::string_view name;
  std::string_view help;  ///< one line, with the unit
  bool is_required = false;
};

/// A kind of output, by the name that the configuration calls it. The one list of them stands in
/// output_kinds.cc; docs/extending.md tells how to add one.
struct OutputKind {
  std::string_view name;
  std::string_view help;
  std::span<const OutputOption> options;
  /// No network yet. `destination` is what the settings ask for, in one shard, shared partitions
  /// included; a kind may change all but its name. Error: an option that cannot be.
  Result<std::unique_ptr<RollupSender>> (*make)(RollupDestination destination,
                                                const OutputSettings& settings);
};

std::span<const OutputKind> output_kinds();
/// nullptr: there is none of that name.
const OutputKind* find_output_kind(std::span<const OutputKind> kinds, std::string_view name);
/// Error: there is no such kind, or it refuses the settings.
Result<std::unique_ptr<RollupSender>> make_sender(std::span<const OutputKind> kinds,
                                                  const OutputSettings& settings);

}  // namespace slipstream
