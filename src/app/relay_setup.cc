#include "app/relay_setup.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "app/health_page.h"
#include "base/object_writer.h"
#include "ops/udp_settings.h"

namespace slipstream {
namespace {

std::optional<std::string> loop_of(const std::string& to, const Endpoint& endpoint,
                                   std::span<const ListeningPort> own,
                                   const OwnAddresses& addresses) {
  for (const auto& port : own) {
    if (!addresses.is_heard(endpoint, port)) continue;
    return fmt::format(
        "[[udp.forward]] to = \"{}\": this server listens there itself (UDP {} port {}), so that "
        "each datagram would go round for ever: another host or port is expected",
        to, port.host.empty() ? "(all addresses)" : port.host, port.port);
  }
  return std::nullopt;
}

/// Those whose numbers are known before they are open.
std::vector<ListeningPort> configured_ports(const Config& config) {
  std::vector<ListeningPort> ports;
  for (const auto& source : config.udp) {
    if (source.enabled && source.port != 0) ports.push_back({source.host, source.port});
  }
  for (const auto& console : config.gt7) ports.push_back({{}, console.port});
  return ports;
}

}  // namespace

Result<RelayTargets> open_relay(const Config::UdpSource& source) {
  RelayTargets targets;
  for (const auto& options : source.forward) {
    auto target = RelayTarget::open(options);
    if (!target && parse_host_port(options.to)) {
      target = RelayTarget::unresolved(options, target.error().message);
    }
    if (!target) {
      return fail(
          fmt::format("[[udp.forward]] to = \"{}\": {}", options.to, target.error().message));
    }
    targets.push_back(std::move(*target));
  }
  return targets;
}

Result<void> check_no_loop(const RelayTarget& target, std::span<const ListeningPort> own) {
  const auto endpoint = target.endpoint();
  if (!endpoint) return {};
  const auto loop = loop_of(target.to(), *endpoint, own, OwnAddresses::now());
  if (loop) return fail(*loop);
  return {};
}

bool look_again(RelayTarget& target, std::span<const ListeningPort> own, const Resolve& resolve) {
  const auto to = parse_host_port(target.to());
  const auto endpoint = to ? resolve(*to) : std::unexpected(to.error());
  if (!endpoint) {
    target.still_unresolved(endpoint.error().message);
    return false;
  }
  if (const auto loop = loop_of(target.to(), *endpoint, own, OwnAddresses::now())) {
    target.still_unresolved(*loop);
    return false;
  }
  target.settle(*endpoint);
  return true;
}

std::vector<ConfigFault> check_relays(const Config& config) {
  const auto own = configured_ports(config);
  const OwnAddresses addresses = OwnAddresses::now();
  std::vector<ConfigFault> faults;
  for (std::size_t i = 0; i < config.udp.size(); ++i) {
    const auto& source = config.udp[i];
    for (std::size_t n = 0; source.enabled && n < source.forward.size(); ++n) {
      auto to = parse_host_port(source.forward[n].to);
      if (!to) continue;
      if (to->host == "localhost") to->host = "127.0.0.1";
      const auto endpoint = endpoint_of_address(*to);
      if (!endpoint) continue;  // a name: what it stands for is known at the start
      if (const auto loop = loop_of(source.forward[n].to, *endpoint, own, addresses)) {
        faults.push_back({forward_called(udp_section(i), n), *loop});
      }
    }
  }
  return faults;
}

void append_relay(std::string& out, const RelayTargets& targets) {
  out += '[';
  for (const auto& target : targets) {
    if (&target != &targets.front()) out += ',';
    ObjectWriter object(out);
    object.text("to", target->to());
    object.number("sent", target->sent_in_all());
    object.number("dropped", target->dropped_in_all());
    ObjectWriter reasons(object.key("droppedBy"));
    for (std::size_t r = 0; r < kRelayDropNames.size(); ++r) {
      const auto dropped = target->dropped_by(static_cast<RelayDrop>(r));
      if (dropped > 0) reasons.number(kRelayDropNames[r], dropped);
    }
  }
  out += ']';
}

void tell_relay_trouble(HealthPage& page, std::uint16_t port, const RelayTargets& targets,
                        SteadyTime now) {
  for (const auto& target : targets) {
    const auto trouble = target->trouble(now);
    if (trouble.empty()) continue;
    page.notice(fmt::format("not all that comes to UDP port {} is sent on to {}: {}", port,
                            target->to(), trouble));
  }
}

void add_relay_metrics(MetricsPage& page, const Labels& socket, const RelayTargets& targets) {
  for (const auto& target : targets) {
    Labels labels = socket;
    labels.emplace_back("to", target->to());
    page.counter("udp_forward_sent_total", "Datagrams sent on, by target",
                 real(target->sent_in_all()), labels);
    for (std::size_t r = 0; r < kRelayDropNames.size(); ++r) {
      Labels why = labels;
      why.emplace_back("reason", kRelayDropNames[r]);
      page.counter("udp_forward_dropped_total", "Datagrams not sent on, by target and reason",
                   real(target->dropped_by(static_cast<RelayDrop>(r))), why);
    }
  }
}

}  // namespace slipstream
