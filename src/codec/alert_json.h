#pragma once
#include <string>

#include "model/alert.h"

namespace slipstream {

/// An alert as everybody outside sees it: an object of type, name, state, severity, track, chassis,
/// tags, time, value (null where it is not known), message and id.
void append_alert_json(std::string& out, const Alert& alert);

}  // namespace slipstream
