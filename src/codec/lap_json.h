#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/stored_laps.h"

namespace slipstream {

/// A lap as everybody outside sees it: an object with all members, null where a thing is not known.
/// Of a lap that is not complete, its times, whether it is valid and the pit are not; of one that
/// is, `valid` is false where somebody says so, likewise `pit_in` and `pit_out` true.
void append_lap_json(std::string& out, const StoredLap& stored);
/// A session likewise. `is_live`: points of it may still come.
void append_session_json(std::string& out, const StoredSession& session, bool is_live);

/// A JSON array of strings.
void append_json_names(std::string& out, std::span<const std::string> names);
/// Nothing: it is none.
std::optional<std::vector<std::string>> parse_json_names(std::string_view json);
/// A JSON array of numbers, or null where there is none.
void append_json_times(std::string& out, std::span<const std::optional<double>> times);
/// Nothing: it is none.
std::optional<std::vector<std::optional<double>>> parse_json_times(std::string_view json);

}  // namespace slipstream
