#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "ops/settings.h"

/// The usual kinds of settings: what each takes, and where it goes. For the table of settings.
namespace slipstream {

inline constexpr std::int64_t kMaxInt = std::numeric_limits<std::int64_t>::max();

/// `where` gives the member: [](auto& c) -> auto& { return c.server.port; }
template <typename Where>
Setting integer(std::string section, std::string key, std::string environment, std::int64_t min,
                std::int64_t max, std::string help, Where where) {
  Setting s;
  s.section = std::move(section);
  s.key = std::move(key);
  s.environment = std::move(environment);
  s.kind = SettingKind::kInteger;
  s.help = std::move(help);
  s.expected = max == kMaxInt ? fmt::format("a whole number of at least {}", min)
                              : fmt::format("a whole number from {} to {}", min, max);
  s.set = [where, min, max](Config& config, const SettingValue& value) {
    const auto* number = std::get_if<std::int64_t>(&value);
    if (number == nullptr || *number < min || *number > max) return false;
    auto& member = where(config);
    member = static_cast<std::remove_reference_t<decltype(member)>>(*number);
    return true;
  };
  s.get = [where](const Config& config) -> SettingValue {
    return static_cast<std::int64_t>(where(config));
  };
  return s;
}

template <typename Where>
Setting flag(std::string section, std::string key, std::string environment, std::string help,
             Where where) {
  return {std::move(section),
          std::move(key),
          std::move(environment),
          SettingKind::kFlag,
          std::move(help),
          "true or false",
          [where](Config& config, const SettingValue& value) {
            const auto* given = std::get_if<bool>(&value);
            if (given != nullptr) where(config) = *given;
            return given != nullptr;
          },
          [where](const Config& config) -> SettingValue { return bool{where(config)}; }};
}

template <typename Where>
Setting text(std::string section, std::string key, std::string environment, std::string help,
             Where where, std::vector<std::string> choices = {}) {
  std::string expected = choices.empty() ? "a string" : "one of";
  for (const auto& choice : choices) expected += " " + choice;
  return {std::move(section),
          std::move(key),
          std::move(environment),
          SettingKind::kText,
          std::move(help),
          std::move(expected),
          [where, choices = std::move(choices)](Config& config, const SettingValue& value) {
            const auto* given = std::get_if<std::string>(&value);
            if (given == nullptr ||
                (!choices.empty() && std::ranges::find(choices, *given) == choices.end())) {
              return false;
            }
            where(config) = *given;
            return true;
          },
          [where](const Config& config) -> SettingValue { return std::string(where(config)); }};
}

template <typename Where>
Setting list(std::string section, std::string key, std::string environment, std::string help,
             Where where) {
  return {std::move(section),
          std::move(key),
          std::move(environment),
          SettingKind::kList,
          std::move(help),
          "a list of strings",
          [where](Config& config, const SettingValue& value) {
            const auto* given = std::get_if<std::vector<std::string>>(&value);
            if (given != nullptr) where(config) = *given;
            return given != nullptr;
          },
          [where](const Config& config) -> SettingValue { return where(config); }};
}

}  // namespace slipstream
