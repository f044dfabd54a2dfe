#include "alert/alert_rule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>

#include "derive/expression.h"

namespace slipstream {
namespace {

bool holds(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || std::ranges::find(names, name) != names.end();
}

}  // namespace

std::string AlertRule::id() const {
  std::string text = fmt::format("{:?} {:?} {:?} {} {}", name, when, clear, tracks, chassis);
  for (const auto& wanted : tags.wanted()) {
    text += fmt::format(" {:?} {}", wanted.name, wanted.values);
  }
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

bool AlertRule::is_about(std::string_view track, std::string_view machine,
                         std::string_view its_tags) const {
  return holds(tracks, track) && holds(chassis, machine) && tags.matches(its_tags);
}

std::vector<ListedFault> check_rules(const std::vector<AlertRule>& rules, Schema& schema) {
  std::vector<ListedFault> faults;
  PointInputs inputs(schema);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto check = [&](std::string_view key, const std::string& text) {
      if (const auto compiled = Expression::compile(text, true, inputs); !compiled) {
        faults.push_back({i, fmt::format("{}: {}", key, compiled.error().to_text())});
      }
    };
    check("when", rules[i].when);
    if (!rules[i].clear.empty()) check("clear", rules[i].clear);
  }
  return faults;
}

}  // namespace slipstream
