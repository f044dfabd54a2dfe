#pragma once
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "ops/config.h"

namespace slipstream {

using SettingValue = std::variant<std::int64_t, bool, std::string, std::vector<std::string>>;
enum class SettingKind { kInteger, kFlag, kText, kList };

/// One setting: what it is called, what it may hold, where it goes.
struct Setting {
  std::string section;
  std::string key;
  std::string environment;
  SettingKind kind;
  std::string help;      ///< one line, with the unit
  std::string expected;  ///< "a whole number from 1 to 65535"
  /// False: the value is not what is expected.
  std::function<bool(Config&, const SettingValue&)> set;
  std::function<SettingValue(const Config&)> get;
};

/// All of them, section by section: the one place that knows their names.
const std::vector<Setting>& settings();

/// A file with every setting at its default, commented: config/slipstream.toml.
std::string default_config_text();
/// The table of docs/configuration.md.
std::string settings_markdown();
/// Its table of what windows tell of a field.
std::string statistics_markdown();

}  // namespace slipstream
