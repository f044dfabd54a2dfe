#pragma once
#include <toml++/toml.h>

#include <functional>
#include <string>
#include <vector>

#include "ops/config.h"

namespace slipstream {

using FaultAt = std::function<void(const toml::node& at, std::string message)>;
/// Told where what a fault may be about stands: "[[format]] number 1 field number 2 offset".
using NoteAt = std::function<void(const toml::node& at, std::string where)>;

/// Reads the tables [[udp.forward]] of the source that messages call `called`. `note` is told where
/// each of them stands, from 0 on.
void read_forwards(const toml::node& node, const std::string& called,
                   std::vector<RelayTargetOptions>& forwards, const FaultAt& fault,
                   const std::function<void(const toml::node& at, std::size_t number)>& note);

/// What messages call the target of that number: "[udp] forward 1" the first.
std::string forward_called(const std::string& source, std::size_t number);

/// Two sockets that would want the same port.
void check_udp_ports(const std::vector<Config::UdpSource>& sources,
                     const std::function<void(std::string where, std::string message)>& fault);

}  // namespace slipstream
