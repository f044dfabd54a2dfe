#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "net/own_addresses.h"
#include "ops/config.h"
#include "ops/metrics.h"
#include "source/relay_target.h"

namespace slipstream {

class HealthPage;

/// What UDP sources send on, as configured ([[udp.forward]]), and what is told of it.

/// Finds the targets of a source. It may wait for name servers.
Result<RelayTargets> open_relay(const Config::UdpSource& source);
/// Refuses a target at which one of these ports would get what it has sent on.
Result<void> check_no_loop(const RelayTarget& target, std::span<const ListeningPort> own);
/// The loops that the configuration alone tells: of addresses, and of ports that are set.
std::vector<ConfigFault> check_relays(const Config& config);

void append_relay(std::string& out, const RelayTargets& targets);
/// Names the targets of that port which did not get all within the last seconds.
void tell_relay_trouble(HealthPage& page, std::uint16_t port, const RelayTargets& targets,
                        SteadyTime now);
/// `socket`: the labels of the source.
void add_relay_metrics(MetricsPage& page, const Labels& socket, const RelayTargets& targets);

}  // namespace slipstream
