#pragma once
#include <string>

namespace slipstream::bench {

/// A server with a log of many recorded laps, and questions about them while points come in: how
/// long they take, and what they cost those points. Prints it; returns JSON.
std::string run_live_history();

}  // namespace slipstream::bench
