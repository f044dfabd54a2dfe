#include "ops/udp_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "net/endpoint.h"

namespace slipstream {
namespace {

constexpr std::size_t kMostForwards = 16;

void read_forward(const toml::table& table, RelayTargetOptions& target, const FaultAt& fault) {
  for (const auto& [k, node] : table) {
    const std::string_view key = k.str();
    if (key == "to") {
      target.to = node.value<std::string>().value_or("");
      if (const auto to = parse_host_port(target.to); !to) {
        fault(node, fmt::format("[[udp.forward]] to: {}", to.error().message));
      }
    } else if (key == "max_per_second") {
      constexpr std::int64_t kMost = 10'000'000;
      const auto* number = node.as_integer();
      if (number == nullptr || number->get() < 1 || number->get() > kMost) {
        fault(node,
              fmt::format("[[udp.forward]] max_per_second: a whole number from 1 to {} is expected",
                          kMost));
      } else {
        target.max_per_second = static_cast<std::uint32_t>(number->get());
      }
    } else {
      fault(node,
            fmt::format("[[udp.forward]]: '{}' is no setting: to and max_per_second are", key));
    }
  }
  if (!table.contains("to")) fault(table, "[[udp.forward]]: to is missing: \"HOST:PORT\"");
}

bool is_every_address(const std::string& host) {
  return host.empty() || host == "::" || host == "0.0.0.0";
}

}  // namespace

void read_forwards(const toml::node& node, const std::string& called,
                   std::vector<RelayTargetOptions>& forwards, const FaultAt& fault,
                   const std::function<void(const toml::node&, std::size_t)>& note) {
  const auto* array = node.as_array();
  if (array == nullptr || !array->is_array_of_tables()) {
    return fault(node, fmt::format("{} forward: whom datagrams are sent on to are tables in an "
                                   "array: [[udp.forward]]",
                                   called));
  }
  for (const auto& item : *array) {
    if (forwards.size() == kMostForwards) {
      return fault(
          item, fmt::format("{}: at most {} [[udp.forward]] are expected", called, kMostForwards));
    }
    RelayTargetOptions target;
    read_forward(*item.as_table(), target, fault);
    const auto key_to = [](const RelayTargetOptions& one) {
      const auto to = parse_host_port(one.to);
      return to ? key_of(*to) : std::string();
    };
    const std::string key = key_to(target);
    if (!key.empty() && std::ranges::find(forwards, key, key_to) != forwards.end()) {
      fault(item, fmt::format("{}: [[udp.forward]] to = \"{}\" is there twice", called, target.to));
    }
    note(item, forwards.size());
    forwards.push_back(std::move(target));
  }
}

std::string forward_called(const std::string& source, std::size_t number) {
  return fmt::format("{} forward {}", source, number + 1);
}

void check_udp_ports(const std::vector<Config::UdpSource>& sources,
                     const std::function<void(std::string, std::string)>& fault) {
  for (std::size_t later = 1; later < sources.size(); ++later) {
    const auto& b = sources[later];
    for (std::size_t earlier = 0; earlier < later && b.enabled && b.port != 0; ++earlier) {
      const auto& a = sources[earlier];
      const bool is_same_host =
          a.host == b.host || is_every_address(a.host) || is_every_address(b.host);
      if (!a.enabled || a.port != b.port || !is_same_host) continue;
      fault(udp_section(later) + " port",
            fmt::format("{} is the port of {} already: another one, or another host, is expected",
                        b.port, udp_section(earlier)));
    }
  }
}

std::string udp_section(std::size_t number) {
  return number == 0 ? "[udp]" : fmt::format("[[udp]] number {}", number + 1);
}

}  // namespace slipstream
