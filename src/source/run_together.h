#pragma once
#include <string_view>

namespace slipstream {

/// Whether a body looks like several lines (of NDJSON, a table, line protocol) between which the
/// line ends were taken out, as `curl -d @FILE` does. Asked of bodies that something was refused
/// of, for a word on it; `decoder` is the name of the format it was read as.
bool looks_run_together(std::string_view body, std::string_view decoder);

/// What a refusal then says besides.
inline constexpr std::string_view kRunTogether =
    "; the body is one line that looks like several run together: curl takes line ends out of "
    "what -d @FILE sends, --data-binary @FILE keeps them";

}  // namespace slipstream
