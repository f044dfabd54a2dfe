#include "output/output_kinds.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace slipstream {
namespace {

/// One line a kind. Redis's aggregates are none of them: they have settings of their own, [redis].
constexpr std::array<OutputKind, 0> kKinds = {};

}  // namespace

std::span<const OutputKind> output_kinds() {
  return kKinds;
}

const OutputKind* find_output_kind(std::span<const OutputKind> kinds, std::string_view name) {
  const auto found = std::ranges::find(kinds, name, &OutputKind::name);
  return found == kinds.end() ? nullptr : &*found;
}

Result<std::unique_ptr<RollupSender>> make_sender(std::span<const OutputKind> kinds,
                                                  const OutputSettings& settings) {
  const OutputKind* const kind = find_output_kind(kinds, settings.kind);
  if (kind == nullptr) {
    return fail(fmt::format("there is no output of the kind \"{}\"", settings.kind),
                ErrorCode::kRefused);
  }
  return kind->make({.name = settings.name,
                     .windows = settings.windows,
                     .of_cluster = true,
                     .max_rollups = settings.max_rollups},
                    settings);
}

}  // namespace slipstream
