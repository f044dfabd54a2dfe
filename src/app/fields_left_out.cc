#include "app/fields_left_out.h"

#include <fmt/format.h>

#include <utility>

namespace slipstream {

std::optional<std::string> FieldsLeftOut::look(SteadyTime now) {
  const std::uint64_t dropped = ingest_.fields_dropped.value();
  if (!reminder_.is_due(dropped > told_, now)) return std::nullopt;
  const std::uint64_t more = dropped - std::exchange(told_, dropped);
  const std::string what =
      fmt::format("{} field{} left out of points that were taken", more, more == 1 ? "" : "s");
  if (fields_.size() >= FieldTable::kMaxFields) {
    return fmt::format(
        "{}: there are {} names of fields already, and no more are taken. A number, an id or a "
        "time "
        "within a field's name makes a new name each time: send it as a member of its own",
        what, FieldTable::kMaxFields);
  }
  return fmt::format("{}: a point has at most {}. Send the others in points of their own", what,
                     Schema::kMaxFieldsPerPoint);
}

}  // namespace slipstream
