#include "ops/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <set>

#include "base/cores.h"
#include "base/nearest_name.h"
#include "model/tags.h"
#include "ops/alert_settings.h"
#include "ops/format_settings.h"
#include "ops/game_settings.h"
#include "ops/output_settings.h"
#include "ops/settings.h"
#include "ops/token_settings.h"
#include "ops/tracing_settings.h"
#include "ops/udp_settings.h"
#include "source/udp_source.h"

namespace slipstream {
namespace {

using Faults = std::vector<ConfigFault>;

std::string unknown_key(std::string_view key, const std::vector<std::string>& known) {
  const auto nearest = nearest_name(key, known);
  if (!nearest) return fmt::format("'{}' is no setting", key);
  return fmt::format("'{}' is no setting; is '{}' meant?", key, *nearest);
}

/// The file's text with ${VAR} and ${VAR:-default} replaced, line by line, comments left alone.
std::string substitute(const std::string& text, const std::string& file,
                       const Environment& environment, Faults& faults) {
  std::string out;
  std::size_t line_number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size() - 1) + 1;
    std::string_view line(text.data() + begin, end - begin);
    begin = end;
    ++line_number;
    const auto first = line.find_first_not_of(" \t");
    const bool is_comment = first != std::string_view::npos && line[first] == '#';
    while (!is_comment) {
      const auto dollar = line.find("${");
      const auto close = dollar == std::string_view::npos ? dollar : line.find('}', dollar);
      if (close == std::string_view::npos) break;
      out += line.substr(0, dollar);
      const auto inside = line.substr(dollar + 2, close - dollar - 2);
      const auto colon = inside.find(":-");
      const std::string name(inside.substr(0, colon));
      auto value = environment(name);
      if (!value && colon != std::string_view::npos) value = inside.substr(colon + 2);
      if (!value) {
        faults.push_back(
            {fmt::format("{}:{}", file, line_number),
             fmt::format("${{{}}} is not set, and has no default (${{{}:-default}})", name, name)});
      } else if (value->find_first_of("\"\\\n\r") != std::string::npos) {
        faults.push_back(
            {fmt::format("{}:{}", file, line_number),
             fmt::format("the value of ${{{}}} has a quote, a backslash or a line break", name)});
      } else {
        out += *value;
      }
      line.remove_prefix(close + 1);
    }
    out += line;
  }
  return out;
}

/// Reads one parsed file into a configuration.
class FileReader {
 public:
  FileReader(std::string file, Config& config, Faults& faults)
      : file_(std::move(file)), config_(config), faults_(faults) {}

  void read(const toml::table& root) {
    std::set<std::string> sections;
    for (const auto& s : settings()) sections.insert(s.section);
    for (const auto& [key, node] : root) {
      const std::string name(key.str());
      if (name == "window") {
        read_windows(node);
      } else if (name == "output") {
        read_outputs(node, output_kinds(), config_.outputs, fault_at());
      } else if (name == "gt7") {
        read_gt7(node, config_, fault_at(), note_at());
      } else if (name == "acc") {
        read_acc(node, config_, fault_at(), note_at());
      } else if (name == "format") {
        read_formats(node, config_.formats, fault_at(), note_at());
      } else if (name == "derived") {
        read_derived(node, config_.schema.derived, fault_at(), note_at());
      } else if (name == "alert") {
        read_alerts(node, config_.alerts, fault_at(), note_at());
      } else if (name == "webhook") {
        read_webhooks(node, config_.webhooks, fault_at(), note_at());
      } else if (name == "udp" && node.is_array()) {
        read_udp_sources(*node.as_array());
      } else if (!sections.contains(name)) {
        fault(node, unknown_key(name, {sections.begin(), sections.end()}));
      } else if (const auto* table = node.as_table()) {
        read_section(name, *table, config_, fmt::format("[{}]", name));
      } else {
        fault(node, fmt::format("'{}' must be a table: [{}]", name, name));
      }
    }
  }

 private:
  std::string place_of(const toml::node& node) const {
    return fmt::format("{}:{}", file_, node.source().begin.line);
  }
  void fault(const toml::node& node, std::string message) {
    faults_.push_back({place_of(node), std::move(message)});
  }
  FaultAt fault_at() {
    return [this](const toml::node& at, std::string message) { fault(at, std::move(message)); };
  }

  NoteAt note_at() {
    return [this](const toml::node& at, std::string where) {
      config_.origins[std::move(where)] = place_of(at);
    };
  }

  /// `called` is what messages call the table.
  void read_section(const std::string& section, const toml::table& table, Config& config,
                    const std::string& called) {
    std::vector<std::string> known;
    for (const auto& s : settings()) {
      if (s.section == section) known.push_back(s.key);
    }
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      if (section == "schema" && name == "ranges") {
        read_ranges(node);
        continue;
      }
      if (section == "csv" && name == "columns") {
        read_columns(node);
        continue;
      }
      if (section == "security" && name == "tokens") {
        read_tokens(node, config_.security.tokens, fault_at());
        continue;
      }
      if (section == "udp" && name == "forward") {
        read_targets(node, called, config.udp.front().forward);
        continue;
      }
      const auto setting = std::ranges::find_if(
          settings(), [&](const Setting& s) { return s.section == section && s.key == name; });
      if (setting == settings().end()) {
        fault(node, unknown_key(name, known));
      } else if (const auto value = value_of(node); !value || !setting->set(config, *value)) {
        fault(node, fmt::format("{} {}: {} is expected", called, name, setting->expected));
      } else {
        config_.origins[fmt::format("{} {}", called, name)] = place_of(node);
      }
    }
  }

  void read_targets(const toml::node& node, const std::string& source,
                    std::vector<RelayTargetOptions>& targets) {
    read_forwards(node, source, targets, fault_at(), [&](const toml::node& at, std::size_t number) {
      config_.origins[forward_called(source, number)] = place_of(at);
    });
  }

  void read_udp_sources(const toml::array& sources) {
    if (sources.empty() || !sources.is_array_of_tables()) {
      return fault(sources, "UDP sources are tables in an array: [[udp]]");
    }
    config_.udp.clear();
    for (const auto& source : sources) {
      Config alone;  // settings fill in its first source
      read_section("udp", *source.as_table(), alone, udp_section(config_.udp.size()));
      config_.udp.push_back(std::move(alone.udp.front()));
    }
  }

  static std::optional<SettingValue> value_of(const toml::node& node) {
    if (const auto* number = node.as_integer()) return number->get();
    if (const auto* on = node.as_boolean()) return on->get();
    if (const auto* text = node.as_string()) return text->get();
    const auto* array = node.as_array();
    if (array == nullptr) return std::nullopt;
    std::vector<std::string> items;
    for (const auto& item : *array) {
      const auto* text = item.as_string();
      if (text == nullptr) return std::nullopt;
      items.push_back(text->get());
    }
    return items;
  }

  void read_ranges(const toml::node& node) {
    const auto* table = node.as_table();
    if (table == nullptr) return fault(node, "[schema.ranges] must be a table");
    for (const auto& [key, value] : *table) {
      const auto* bounds = value.as_array();
      const auto at = [&](std::size_t i) { return (*bounds)[i].value<double>(); };
      if (bounds == nullptr || bounds->size() != 2 || !at(0) || !at(1) || !(*at(0) <= *at(1))) {
        fault(value, fmt::format("[schema.ranges] {}: [least, greatest] is expected", key.str()));
        continue;
      }
      config_.schema.ranges.emplace_back(std::string(key.str()),
                                         FieldRange{.min = *at(0), .max = *at(1)});
    }
  }

  void read_columns(const toml::node& node) {
    const auto* table = node.as_table();
    if (table == nullptr) return fault(node, "[csv.columns] must be a table");
    for (const auto& [key, value] : *table) {
      const auto* member = value.as_string();
      if (member == nullptr || member->get().empty()) {
        fault(value, fmt::format("[csv.columns] {}: a member's name is expected", key.str()));
        continue;
      }
      config_.schema.csv.columns.emplace_back(std::string(key.str()), member->get());
    }
  }

  void read_windows(const toml::node& node) {
    const auto* array = node.as_array();
    if (array == nullptr) return fault(node, "windows are tables in an array: [[window]]");
    for (const auto& item : *array) {
      if (const auto* table = item.as_table()) {
        config_.windows.push_back(read_window(*table));
        if (auto valid = validate({config_.windows.back()}); !valid) {
          fault(item, valid.error().message);
        }
      } else {
        fault(item, "a window is a table: [[window]]");
      }
    }
    std::set<std::string> names;
    for (const auto& w : config_.windows) {
      if (!names.insert(w.name).second)
        fault(node, fmt::format("window '{}' is there twice", w.name));
    }
  }

  WindowDefinition read_window(const toml::table& table) {
    WindowDefinition w;
    w.idle_ms = 0;
    const auto number = [&](const toml::node& node, std::string_view key, auto& member) {
      const auto* value = node.as_integer();
      using Member = std::remove_reference_t<decltype(member)>;
      if (value == nullptr || value->get() < 0 || value->get() > kMaxWindowNumber) {
        return fault(node, fmt::format("[[window]] {}: a whole number from 0 to {} is expected",
                                       key, kMaxWindowNumber));
      }
      member = static_cast<Member>(value->get());
    };
    const auto flag = [&](const toml::node& node, std::string_view key, bool& member) {
      if (const auto* value = node.as_boolean()) {
        member = value->get();
      } else {
        fault(node, fmt::format("[[window]] {}: true or false is expected", key));
      }
    };
    for (const auto& [k, node] : table) {
      const std::string_view key = k.str();
      if (key == "name") {
        w.name = node.value<std::string>().value_or("");
      } else if (key == "key") {
        read_key(node, w);
      } else if (key == "late") {
        const auto late = node.value<std::string>().value_or("");
        if (late != "drop" && late != "rollup") {
          fault(node, "[[window]] late: \"drop\" or \"rollup\" is expected");
        }
        w.late = late == "rollup" ? LatePolicy::kRollup : LatePolicy::kDrop;
      } else if (key == "count") {
        number(node, key, w.close_count);
      } else if (key == "every_ms") {
        number(node, key, w.every_ms);
      } else if (key == "lateness_ms") {
        number(node, key, w.lateness_ms);
      } else if (key == "idle_ms") {
        number(node, key, w.idle_ms);
      } else if (key == "change") {
        flag(node, key, w.close_on_change);
      } else if (key == "stored") {
        flag(node, key, w.stored);
      } else if (const auto* group = statistics_set_by(key)) {
        bool on = false;
        flag(node, key, on);
        w.statistics.set(group->group, on);
      } else {
        std::vector<std::string> known = {"name",        "key",     "late",   "count", "every_ms",
                                          "lateness_ms", "idle_ms", "change", "stored"};
        for (const auto& row : kStatisticGroups) known.emplace_back(row.setting);
        fault(node, "[[window]] " + unknown_key(key, known));
      }
    }
    if (w.every_ms > 0 && !table.contains("idle_ms")) w.idle_ms = WindowDefinition{}.idle_ms;
    return w;
  }

  static const StatisticGroupRow* statistics_set_by(std::string_view key) {
    const auto* row = std::ranges::find(kStatisticGroups, key, &StatisticGroupRow::setting);
    return row == kStatisticGroups.end() ? nullptr : row;
  }

  void read_key(const toml::node& node, WindowDefinition& w) {
    const auto value = value_of(node);
    const auto* items = value ? std::get_if<std::vector<std::string>>(&*value) : nullptr;
    bool good = items != nullptr;
    for (const auto& item : items ? *items : std::vector<std::string>{}) {
      w.key_lap = w.key_lap || item == "lap";
      w.key_sector = w.key_sector || item == "sector";
      good = good && (item == "lap" || item == "sector" || item == "track" || item == "chassis");
    }
    if (!good) fault(node, "[[window]] key: a list of \"lap\" and \"sector\" is expected");
  }

  static constexpr std::int64_t kMaxWindowNumber = 2'000'000'000;
  const std::string file_;
  Config& config_;
  Faults& faults_;
};

void read_file(const std::filesystem::path& path, const Environment& environment, Config& config,
               Faults& faults) {
  const std::string name = path.string();
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path)) {
    const int reason = in ? EISDIR : errno;
    faults.push_back({name, errno_error("cannot be read", reason).message});
    return;
  }
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string substituted = substitute(text, name, environment, faults);
  try {
    FileReader(name, config, faults).read(toml::parse(substituted, name));
  } catch (const toml::parse_error& error) {
    faults.push_back(
        {fmt::format("{}:{}", name, error.source().begin.line), std::string(error.description())});
  }
}

std::optional<SettingValue> value_from_text(SettingKind kind, const std::string& text) {
  switch (kind) {
    case SettingKind::kText:
      return text;
    case SettingKind::kFlag:
      if (text == "true" || text == "1") return true;
      if (text == "false" || text == "0") return false;
      return std::nullopt;
    case SettingKind::kInteger: {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
      return number;
    }
    case SettingKind::kList:
      break;
  }
  std::vector<std::string> items;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto comma = std::min(text.find(',', begin), text.size());
    if (comma > begin) items.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return items;
}

void read_environment(const Environment& environment, Config& config, Faults& faults) {
  for (const auto& s : settings()) {
    const auto text = environment(s.environment);
    if (!text) continue;
    const auto value = value_from_text(s.kind, *text);
    if (!value || !s.set(config, *value)) {
      faults.push_back({"environment variable " + s.environment,
                        fmt::format("{} is expected, not '{}'", s.expected, *text)});
    } else {
      config.origins[fmt::format("[{}] {}", s.section, s.key)] =
          "environment variable " + s.environment;
    }
  }
}

/// The bucket takes two settings of the replaced system, all windows take one of the clocks.
void add_windows(const Environment& environment, Config& config, Faults& faults) {
  const auto number = [&](const char* name) -> std::optional<std::int64_t> {
    const auto text = environment(name);
    if (!text) return std::nullopt;
    constexpr std::int64_t kMax = 1'000'000'000;
    const auto value = value_from_text(SettingKind::kInteger, *text);
    if (value && std::get<std::int64_t>(*value) >= 1 && std::get<std::int64_t>(*value) <= kMax) {
      return std::get<std::int64_t>(*value);
    }
    faults.push_back(
        {fmt::format("environment variable {}", name),
         fmt::format("a whole number from 1 to {} is expected, not '{}'", kMax, *text)});
    return std::nullopt;
  };
  const auto threshold = number("FLUSH_THRESHOLD");
  const auto idle_ms = number("BUCKET_IDLE_MS");
  if (config.windows.empty()) config.windows = default_windows(10, 2'000);
  for (auto& window : config.windows) {
    window.ahead_ms = config.clocks.watermark_ahead_ms;
    if (window.name != "bucket" || window.close_count == 0) continue;
    if (threshold) window.close_count = static_cast<std::uint32_t>(*threshold);
    if (idle_ms) window.idle_ms = *idle_ms;
  }
}

void check_whole(Config& config, Faults& faults) {
  const auto fault = [&](std::string where, std::string message) {
    faults.push_back(located(config, {std::move(where), std::move(message)}));
  };
  const auto& ws_path = config.server.ws_path;
  if (!ws_path.starts_with('/') || ws_path.find_first_of("?# ") != std::string::npos) {
    fault("[server] ws_path", "a path that begins with / is expected");
  } else if (ws_path == "/" || ws_path == "/write" || ws_path == "/metrics" ||
             ws_path == "/healthz" || ws_path == "/readyz" || ws_path.starts_with("/api/")) {
    fault("[server] ws_path", fmt::format("{} is an endpoint already", ws_path));
  }
  if (config.store.data_dir.empty()) fault("[store] data_dir", "a directory is expected");
  for (const auto& [name, hours] : config.store.window_retention_hours) {
    if (std::ranges::find(config.windows, name, &WindowDefinition::name) != config.windows.end()) {
      continue;
    }
    std::string known;
    for (const auto& window : config.windows) known += (known.empty() ? "" : ", ") + window.name;
    fault("[store] window_retention_hours",
          fmt::format("there is no window \"{}\"; there are: {}", name, known));
  }
  const auto& schema = config.schema;
  std::set<std::string> members(schema.well_known.begin(), schema.well_known.end());
  for (const auto& [key, name] :
       {std::pair{"time", &schema.time}, std::pair{"track", &schema.track},
        std::pair{"chassis", &schema.chassis}, std::pair{"lap", &schema.lap},
        std::pair{"sector", &schema.sector}, std::pair{"sequence", &schema.sequence}}) {
    const bool may_be_none = name == &schema.sequence;
    if (name->empty() ? may_be_none : members.insert(*name).second) continue;
    fault(fmt::format("[schema] {}", key),
          fmt::format("a member's name that no other has is expected, not \"{}\"", *name));
  }
  members.emplace(tags::kMember);
  for (const auto& name : schema.tags) {
    if (!name.empty() && name.size() <= tags::kMaxNameBytes && members.insert(name).second)
      continue;
    fault("[schema] tags",
          fmt::format("members' names that no other has are expected, not \"{}\"", name));
  }
  if (schema.tags.size() > tags::kMaxTags) {
    fault("[schema] tags", fmt::format("at most {} are expected", tags::kMaxTags));
  }
  if (config.racing.latitude.empty() != config.racing.longitude.empty()) {
    fault("[racing] latitude", "it comes with longitude: both are expected, or neither");
  }
  check_udp_ports(config.udp, fault);
  check_games(config, fault);
  check_formats(config, fault);
  check_security(config.security, fault);
  check_outputs(config, fault);
  check_tracing(config, fault);
  check_alerts(config, fault);
  const std::uint32_t cores = usable_cores();
  config.pipeline.workers = std::min(config.pipeline.workers, cores);
  for (auto& source : config.udp) {
    source.receivers = source.receivers.value_or(UdpSource::usual_receivers(cores));
    source.decode_helpers =
        source.decode_helpers.value_or(UdpSource::usual_helpers(cores, *source.receivers));
  }
}

}  // namespace

ConfigFault located(const Config& config, const ConfigFault& fault) {
  const auto origin = config.origins.find(fault.where.substr(0, fault.where.find(',')));
  if (origin == config.origins.end()) return fault;
  return {origin->second, fmt::format("{}: {}", fault.where, fault.message)};
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

std::expected<Config, std::vector<ConfigFault>> load_config(
    const std::optional<std::filesystem::path>& file, const Environment& environment) {
  Config config;
  Faults faults;
  if (file) read_file(*file, environment, config, faults);
  read_environment(environment, config, faults);
  add_windows(environment, config, faults);
  check_whole(config, faults);
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return config;
}

}  // namespace slipstream
