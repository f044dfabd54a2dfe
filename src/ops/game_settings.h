#pragma once
#include <toml++/toml.h>

#include <functional>
#include <string>

#include "ops/config.h"
#include "ops/udp_settings.h"

namespace slipstream {

/// Reads the tables [[gt7]]. `note` is told where they and their settings stand.
void read_gt7(const toml::node& node, Config& config, const FaultAt& fault, const NoteAt& note);
/// Reads the tables [[acc]].
void read_acc(const toml::node& node, Config& config, const FaultAt& fault, const NoteAt& note);

/// Ports at which two of them, or one and a UDP source, would listen; games that are there twice.
void check_games(const Config& config,
                 const std::function<void(std::string where, std::string message)>& fault);

}  // namespace slipstream
