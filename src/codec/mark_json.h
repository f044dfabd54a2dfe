#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "model/mark.h"

namespace slipstream {

/// A mark as everybody outside sees it, and as the log keeps it: an object of track, session, time,
/// kind, chassis, text and what else it has. What it has not is not there, nor is its arrival.
void append_mark_json(std::string& out, const Mark& mark);
/// Reads what append_mark_json() wrote, with the arrival beside it. Nothing: it is none.
std::optional<Mark> parse_mark_json(std::string_view json, ArrivalTime arrival);

}  // namespace slipstream
