#include "ops/output_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

namespace slipstream {
namespace {

using Fault = std::function<void(const toml::node&, std::string)>;

std::string names_of(std::span<const OutputKind> kinds) {
  std::string names;
  for (const auto& kind : kinds) names += fmt::format("{}{}", names.empty() ? "" : ", ", kind.name);
  return names.empty() ? "nothing yet" : names;
}

std::optional<std::string> option_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* on = node.as_boolean()) return on->get() ? "true" : "false";
  return std::nullopt;
}

bool read_windows(const toml::node& node, std::vector<std::string>& windows) {
  const auto* array = node.as_array();
  if (array == nullptr || array->empty()) return false;
  windows.clear();
  for (const auto& item : *array) windows.push_back(item.value<std::string>().value_or(""));
  return std::ranges::find(windows, "") == windows.end();
}

bool is_name(const std::string& name) {
  constexpr std::size_t kMost = 10;  // its thread is called NAME-sink, in 15 characters
  return !name.empty() && name.size() <= kMost && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

void read_option(std::string_view key, const toml::node& node, const OutputKind& kind,
                 OutputSettings& output, const Fault& fault) {
  if (std::ranges::find(kind.options, key, &OutputOption::name) == kind.options.end()) {
    std::string known = "kind, name, windows, max_rollups";
    for (const auto& option : kind.options) known += fmt::format(", {}", option.name);
    fault(node, fmt::format("[[output]]: '{}' is no setting of {}: {} are", key, kind.name, known));
  } else if (auto text = option_text(node)) {
    output.options.emplace(key, std::move(*text));
  } else {
    fault(node,
          fmt::format("[[output]] {}: a string, a whole number, true or false is expected", key));
  }
}

OutputSettings read_output(const toml::table& table, const OutputKind& kind, const Fault& fault) {
  OutputSettings output{.kind = std::string(kind.name), .name = std::string(kind.name)};
  for (const auto& [k, node] : table) {
    const std::string_view key = k.str();
    if (key == "kind") continue;
    if (key == "name") {
      output.name = node.value<std::string>().value_or("");
      if (!is_name(output.name)) {
        fault(node, "[[output]] name: 1 to 10 letters, digits, _ and - are expected");
      }
    } else if (key == "windows") {
      if (!read_windows(node, output.windows)) {
        fault(node, "[[output]] windows: a list of windows' names is expected");
      }
    } else if (key == "max_rollups") {
      const auto* number = node.as_integer();
      if (number == nullptr || number->get() < 1) {
        fault(node, "[[output]] max_rollups: a whole number of at least 1 is expected");
      } else {
        output.max_rollups = static_cast<std::uint64_t>(number->get());
      }
    } else {
      read_option(key, node, kind, output, fault);
    }
  }
  for (const auto& option : kind.options) {
    if (option.is_required && !table.contains(option.name)) {
      fault(table, fmt::format("[[output]]: {} is missing: {}", option.name, option.help));
    }
  }
  return output;
}

}  // namespace

void read_outputs(const toml::node& node, std::span<const OutputKind> kinds,
                  std::vector<OutputSettings>& outputs, const Fault& fault) {
  const auto* array = node.as_array();
  if (array == nullptr || !array->is_array_of_tables()) {
    return fault(node, "outputs are tables in an array: [[output]]");
  }
  for (const auto& item : *array) {
    const auto& table = *item.as_table();
    const auto name = table["kind"].value<std::string>().value_or("");
    if (const auto* kind = find_output_kind(kinds, name)) {
      outputs.push_back(read_output(table, *kind, fault));
    } else {
      fault(item,
            fmt::format("[[output]] kind: {} is expected, not \"{}\"", names_of(kinds), name));
    }
  }
}

void check_outputs(const Config& config,
                   const std::function<void(std::string, std::string)>& fault) {
  std::set<std::string> names = {"redis"};  // the aggregates
  for (const auto& output : config.outputs) {
    if (!names.insert(output.name).second) {
      fault("[[output]] name", fmt::format("\"{}\" is there twice", output.name));
    }
    for (const auto& window : output.windows) {
      if (std::ranges::find(config.windows, window, &WindowDefinition::name) ==
          config.windows.end()) {
        fault("[[output]] windows",
              fmt::format("\"{}\" has no window \"{}\" to get rollups of", output.name, window));
      }
    }
  }
}

}  // namespace slipstream
