#include <fmt/format.h>

#include <algorithm>

#include "model/statistic.h"
#include "ops/settings.h"

namespace slipstream {
namespace {

std::string toml_text(const SettingValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* on = std::get_if<bool>(&value)) return *on ? "true" : "false";
  if (const auto* string = std::get_if<std::string>(&value)) return fmt::format("\"{}\"", *string);
  std::string out;
  for (const auto& item : std::get<std::vector<std::string>>(value)) {
    out += fmt::format("{}\"{}\"", out.empty() ? "" : ", ", item);
  }
  return "[" + out + "]";
}

constexpr std::string_view kMoreText = R"(
# Tokens: name is for the log; the token, or its SHA-256 in hex (printf %s TOKEN | sha256sum); what
# it may do: "read", "write", "admin" (everything).
# [[security.tokens]]
# name = "pit wall"
# token_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
# scopes = ["read"]

# Further UDP sources: with more than one, every one is a table [[udp]] instead of [udp], with the
# same keys. The environment's UDP_... are the first one's.
# [[udp]]
# port = 20777
#
# [[udp]]
# port = 8089
# decoder = "line"

# Whom all that comes to a UDP source is sent on to, unchanged: tables behind [udp], or behind the
# [[udp]] that they are of.
# [[udp.forward]]
# to = "192.168.1.20:20778"
# max_per_second = 20000    # datagrams; what is beyond is dropped

# Games that are asked for what they send: a console with Gran Turismo 7, Assetto Corsa Competizione.
# [[gt7]]
# console = "192.168.1.30"
# type = "A"                # packets: A, B, ~ or C, each with more than the one before
# port = 33740              # to which the console sends
#
# [[acc]]
# host = "192.168.1.20"
# port = 9000               # updListenerPort of the game's broadcasting.json
# password = "asd"          # its connectionPassword
# name = "Slipstream"
# interval_ms = 100

# Fields made of others, alerts over them, and whom they are posted to: docs/alerts.md.
# [derived]
# slip = "(wheel_kmh - speed_kmh) / speed_kmh"
#
# [[alert]]
# name = "wheelspin"
# when = "slip > 0.15 and speed_kmh > 30 for 500ms"
# severity = "warning"      # info, warning or critical
#
# [[webhook]]
# url = "https://pit.example/hooks/slipstream"
# secret = "change me"      # that bodies are signed with

# Packed datagrams of your own, which [[udp]] decoder = "kart" names: docs/formats.md.
# [[format]]
# name = "kart"
# size = 8                  # bytes of a datagram
# track = "club"
# chassis = "kart {kart}"
# field = [
#   { name = "kart", type = "u8", offset = 0 },
#   { name = "speed_kmh", type = "f32", offset = 4 },
# ]

# Ranges that fields must keep; a point outside is refused as out_of_range.
# [schema.ranges]
# speed_kmh = [0, 500]

# Columns of others' CSV headers, and the members that they are, beside the usual names (docs/points.md).
# [csv.columns]
# Fahrzeug = "chassis"

# The windows. Tables of your own replace all three defaults, which are these.
# [[window]]
# name = "bucket"
# key = ["lap", "sector"]   # beside track and chassis
# count = 10                # closes at so many points (FLUSH_THRESHOLD)
# change = true             # closes when the machine moves to another key
# idle_ms = 2000            # closes when the machine is silent for so long (BUCKET_IDLE_MS)
# late = "rollup"           # points of the place just left, older than the one that left it:
#                           # "rollup" of their own (so by default), or "drop": counted, and in
#                           # no rollup of this window (docs/configuration.md, Late points)
#
# [[window]]
# name = "sector"
# key = ["lap", "sector"]
# change = true
# idle_ms = 60000
# stored = true             # goes to SQLite
#
# [[window]]
# name = "second"
# every_ms = 1000           # tumbling windows of event time
# lateness_ms = 1000        # how far event time may lag behind a machine's newest
# stored = true
#
)";

/// "# Further: first = true gives first_<field>, ..."
std::string further_statistics_text() {
  std::string out = "# Further:";
  for (const auto& row : kStatisticGroups) {
    out +=
        fmt::format("{} {} = true gives ", &row == kStatisticGroups.data() ? "" : ",", row.setting);
    std::string_view separator;
    for (const auto& statistic : kStatistics) {
      if (statistic.group != row.group) continue;
      out += fmt::format("{}{}", std::exchange(separator, ", "), statistic.prefix);
    }
    out += "<field>";
  }
  return out + ".\n";
}

}  // namespace

std::string default_config_text() {
  std::string out =
      "# Slipstream's settings, all at their defaults. An environment variable (in brackets) wins "
      "over\n"
      "# the file. ${VAR} and ${VAR:-default} are replaced inside this file.\n";
  std::string section;
  const Config defaults;
  for (const auto& s : settings()) {
    if (s.section != section) out += fmt::format("\n[{}]\n", s.section);
    section = s.section;
    out += fmt::format("# {} [{}]\n{} = {}\n", s.help, s.environment, s.key,
                       toml_text(s.get(defaults)));
  }
  out += kMoreText;
  return out += further_statistics_text();
}

std::string settings_markdown() {
  std::string out = "| file | environment | default | what it is |\n| --- | --- | --- | --- |\n";
  const Config defaults;
  for (const auto& s : settings()) {
    out += fmt::format("| `[{}] {}` | `{}` | `{}` | {} |\n", s.section, s.key, s.environment,
                       toml_text(s.get(defaults)), s.help);
  }
  return out;
}

std::string statistics_markdown() {
  std::string out = "| member | with | what it is |\n| --- | --- | --- |\n";
  for (const auto& statistic : kStatistics) {
    const auto* group =
        std::ranges::find(kStatisticGroups, statistic.group, &StatisticGroupRow::group);
    out += fmt::format(
        "| `{}<field>` | {} | {} |\n", statistic.prefix,
        group == kStatisticGroups.end() ? "always" : fmt::format("`{} = true`", group->setting),
        statistic.meaning);
  }
  return out;
}

}  // namespace slipstream
