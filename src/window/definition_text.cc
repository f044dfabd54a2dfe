#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <optional>
#include <system_error>

#include "window/definition.h"

namespace slipstream {
namespace {

constexpr std::string_view kGroupKey = "with_";  // before the name of a group of statistics

/// Visits every member but the name. The binding names them all, so that one more does not compile
/// until it is written too.
template <typename Definition, typename Visit>
void each_member(Definition& definition, Visit visit) {
  auto& [name, key_lap, key_sector, close_count, every_ms, lateness_ms, close_on_change, idle_ms,
         stored, statistics, late, ahead_ms] = definition;
  visit("key_lap", key_lap);
  visit("key_sector", key_sector);
  visit("close_count", close_count);
  visit("every_ms", every_ms);
  visit("lateness_ms", lateness_ms);
  visit("close_on_change", close_on_change);
  visit("idle_ms", idle_ms);
  visit("stored", stored);
  visit(kGroupKey, statistics);
  visit("late", late);
  visit("ahead_ms", ahead_ms);
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (is_plain(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

template <typename Number>
bool read_number(std::string_view digits, Number& number, int base = 10) {
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number, base);
  return error == std::errc{} && stop == end;
}

bool read_name(std::string_view text, std::string& name) {
  while (!text.empty()) {
    if (text.front() != '%') {
      name += text.front();
      text.remove_prefix(1);
      continue;
    }
    std::uint8_t byte = 0;
    if (text.size() < 3 || !read_number(text.substr(1, 2), byte, 16)) return false;
    name += static_cast<char>(byte);
    text.remove_prefix(3);
  }
  return true;
}

bool read_value(std::string_view text, bool& value) {
  value = text == "1";
  return value || text == "0";
}
bool read_value(std::string_view text, LatePolicy& value) {
  value = text == "rollup" ? LatePolicy::kRollup : LatePolicy::kDrop;
  return text == "rollup" || text == "drop";
}
template <std::integral Number>
bool read_value(std::string_view text, Number& value) {
  return read_number(text, value);
}

std::string written(bool value) {
  return value ? "1" : "0";
}
std::string written(LatePolicy value) {
  return value == LatePolicy::kRollup ? "rollup" : "drop";
}
template <std::integral Number>
std::string written(Number value) {
  return fmt::to_string(value);
}

/// Takes "key=value" and the blank behind it off the line's front; nothing when it says other keys.
bool take(std::string_view& line, std::string_view key, std::string_view& value) {
  if (!line.starts_with(key) || !line.substr(key.size()).starts_with('=')) return false;
  line.remove_prefix(key.size() + 1);
  const std::size_t size = std::min(line.find(' '), line.size());
  value = line.substr(0, size);
  line.remove_prefix(std::min(size + 1, line.size()));
  return true;
}

template <typename Member>
bool take_member(std::string_view& line, std::string_view key, Member& member) {
  std::string_view value;
  return take(line, key, value) && read_value(value, member);
}
bool take_member(std::string_view& line, std::string_view key, StatisticGroups& groups) {
  return std::ranges::all_of(kStatisticGroups, [&](const StatisticGroupRow& row) {
    const auto name = fmt::format("{}{}", key, row.setting);
    if (!row.always_written && !line.starts_with(name + '=')) return true;
    bool on = false;
    const bool good = take_member(line, name, on);
    groups.set(row.group, on);
    return good;
  });
}

bool take_member(std::string_view& line, std::string_view key,
                 std::optional<std::int64_t>& number) {
  number.reset();
  return line.empty() || take_member(line, key, number.emplace());
}

template <typename Member>
void append_member(std::string& out, std::string_view key, const Member& member) {
  out += fmt::format(" {}={}", key, written(member));
}
void append_member(std::string& out, std::string_view key, const StatisticGroups& groups) {
  for (const auto& row : kStatisticGroups) {
    const bool on = groups.has(row.group);
    if (on || row.always_written) append_member(out, fmt::format("{}{}", key, row.setting), on);
  }
}

void append_member(std::string& out, std::string_view key,
                   const std::optional<std::int64_t>& number) {
  if (number) append_member(out, key, *number);
}

bool read_line(std::string_view line, WindowDefinition& definition) {
  std::string_view value;
  bool good = take(line, "name", value) && read_name(value, definition.name);
  each_member(definition, [&](std::string_view key, auto& member) {
    good = good && take_member(line, key, member);
  });
  return good && line.empty();
}

}  // namespace

std::string to_text(const std::vector<WindowDefinition>& definitions) {
  std::string out;
  for (const auto& definition : definitions) {
    out += "name=" + escaped(definition.name);
    each_member(definition,
                [&](std::string_view key, const auto& member) { append_member(out, key, member); });
    out += '\n';
  }
  return out;
}

Result<std::vector<WindowDefinition>> definitions_from_text(std::string_view text) {
  std::vector<WindowDefinition> definitions;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t size = std::min(rest.find('\n'), rest.size());
    if (!read_line(rest.substr(0, size), definitions.emplace_back())) {
      return fail(fmt::format("window definitions: line {} makes no sense", definitions.size()));
    }
    rest.remove_prefix(std::min(size + 1, rest.size()));
  }
  // One text for each meaning: whatever was read leniently above is refused here.
  if (to_text(definitions) != text) return fail("window definitions: not as they are written");
  return definitions;
}

}  // namespace slipstream
