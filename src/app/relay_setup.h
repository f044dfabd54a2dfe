#pragma once
#include <functional>
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

/// How a host is found.
using Resolve = std::function<Result<Endpoint>(const HostPort&)>;

/// What UDP sources send on, as configured ([[udp.forward]]), and what is told of it.

/// Finds the targets of a source. It may wait for name servers. A host that is not known is no
/// error: such a target is unresolved.
Result<RelayTargets> open_relay(const Config::UdpSource& source);
/// Refuses a target at which one of these ports would get what it has sent on.
Result<void> check_no_loop(const RelayTarget& target, std::span<const ListeningPort> own);
/// Looks once more for the host of a target, and settles it if one of these ports would not get
/// what it has sent on. True: it is settled. It may wait for name servers.
bool look_again(RelayTarget& target, std::span<const ListeningPort> own,
                const Resolve& resolve = resolve_datagrams);
/// The loops that the configuration alone tells: of addresses, and of ports that are set.
std::vector<ConfigFault> check_relays(const Config& config);

void append_relay(std::string& out, const RelayTargets& targets);
/// Names the targets of that port which did not get all within the last seconds.
void tell_relay_trouble(HealthPage& page, std::uint16_t port, const RelayTargets& targets,
                        SteadyTime now);
/// `socket`: the labels of the source.
void add_relay_metrics(MetricsPage& page, const Labels& socket, const RelayTargets& targets);

}  // namespace slipstream
