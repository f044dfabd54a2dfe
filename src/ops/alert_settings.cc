#include "ops/alert_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <utility>

#include "derive/derived_fields.h"
#include "net/http_url.h"

namespace slipstream {
namespace {

constexpr std::size_t kMostAlertNameBytes = 128;
constexpr std::size_t kMostFilterValues = 256;

std::string alert_called(std::size_t number) {
  return fmt::format("[[alert]] number {}", number + 1);
}
std::string webhook_called(std::size_t number) {
  return fmt::format("[[webhook]] number {}", number + 1);
}

bool is_destination(const std::string& name) {
  constexpr std::size_t kMost = 10;  // its thread is called NAME-sink, in 15 characters
  return !name.empty() && name.size() <= kMost && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

/// A text, not empty; else it is told.
bool take_text(std::string_view called, std::string_view key, const toml::node& node,
               std::size_t max_bytes, std::string& into, const FaultAt& fault) {
  const auto* const text = node.as_string();
  if (text == nullptr || text->get().empty() || text->get().size() > max_bytes) {
    fault(node,
          fmt::format("{} {}: a string of 1 to {} bytes is expected", called, key, max_bytes));
    return false;
  }
  into = text->get();
  return true;
}

/// A text, or a list of them.
std::optional<std::vector<std::string>> names_of(const toml::node& node) {
  std::vector<std::string> names;
  if (const auto* const text = node.as_string()) {
    names.push_back(text->get());
  } else if (const auto* const array = node.as_array()) {
    for (const auto& item : *array) names.push_back(item.value<std::string>().value_or(""));
  }
  const bool is_good = !names.empty() && names.size() <= kMostFilterValues &&
                       std::ranges::find(names, "") == names.end();
  return is_good ? std::optional(std::move(names)) : std::nullopt;
}

void read_where(const toml::node& node, AlertRule& rule, const FaultAt& fault) {
  constexpr std::string_view kWhere = "[[alert]] where";
  const auto* const table = node.as_table();
  if (table == nullptr) {
    return fault(node, fmt::format("{}: a table is expected: {{ track = [...], chassis = [...], "
                                   "\"tag.NAME\" = [...] }}",
                                   kWhere));
  }
  for (const auto& [k, value] : *table) {
    const std::string_view key = k.str();
    const bool is_tag = key.starts_with(tags::kPrefix) && key.size() > tags::kPrefix.size();
    if (key != "track" && key != "chassis" && !is_tag) {
      fault(value, fmt::format("{} knows track, chassis and \"tag.NAME\", not '{}'", kWhere, key));
      continue;
    }
    auto names = names_of(value);
    if (!names) {
      fault(value, fmt::format("{} {}: a list of 1 to {} names is expected", kWhere, key,
                               kMostFilterValues));
    } else if (is_tag) {
      for (const auto& name : *names) rule.tags.add(key.substr(tags::kPrefix.size()), name);
    } else {
      (key == "track" ? rule.tracks : rule.chassis) = std::move(*names);
    }
  }
}

void read_alert(const toml::table& table, AlertRule& rule, const std::string& called,
                const FaultAt& fault, const NoteAt& note) {
  for (const auto& [k, node] : table) {
    const std::string_view key = k.str();
    note(node, fmt::format("{} {}", called, key));
    if (key == "name") {
      take_text("[[alert]]", key, node, kMostAlertNameBytes, rule.name, fault);
    } else if (key == "when" || key == "clear") {
      take_text("[[alert]]", key, node, ExpressionReader::kMostBytes,
                key == "when" ? rule.when : rule.clear, fault);
    } else if (key == "severity") {
      const auto* const found =
          std::ranges::find(kAlertSeverityNames, node.value<std::string>().value_or(""));
      if (found == kAlertSeverityNames.end()) {
        fault(node,
              "[[alert]] severity: one of \"info\", \"warning\" and \"critical\" is expected");
      } else {
        rule.severity = static_cast<AlertSeverity>(found - kAlertSeverityNames.begin());
      }
    } else if (key == "where") {
      read_where(node, rule, fault);
    } else {
      fault(node, fmt::format("[[alert]]: '{}' is no setting: name, when, clear, severity and "
                              "where are",
                              key));
    }
  }
  for (const std::string_view key : {"name", "when"}) {
    if (!table.contains(key)) fault(table, fmt::format("[[alert]]: {} is missing", key));
  }
}

void read_webhook(const toml::table& table, WebhookSettings& webhook, const std::string& called,
                  const FaultAt& fault, const NoteAt& note) {
  constexpr std::size_t kMostTextBytes = 2'000;
  for (const auto& [k, node] : table) {
    const std::string_view key = k.str();
    note(node, fmt::format("{} {}", called, key));
    if (key == "url") {
      if (!take_text("[[webhook]]", key, node, kMostTextBytes, webhook.url, fault)) continue;
      if (const auto url = HttpUrl::parse(webhook.url); !url) {
        fault(node, fmt::format("[[webhook]] url: {}", url.error().message));
      }
    } else if (key == "secret") {
      take_text("[[webhook]]", key, node, kMostTextBytes, webhook.secret, fault);
    } else if (key == "name") {
      webhook.name = node.value<std::string>().value_or("");
      if (!is_destination(webhook.name)) {
        fault(node, "[[webhook]] name: 1 to 10 letters, digits, _ and - are expected");
      }
    } else if (key == "alerts") {
      if (auto names = names_of(node)) {
        webhook.alerts = std::move(*names);
      } else {
        fault(node, "[[webhook]] alerts: a list of alerts' names is expected");
      }
    } else if (key == "ca_file") {
      std::string file;
      take_text("[[webhook]]", key, node, kMostTextBytes, file, fault);
      webhook.ca_file = file;
    } else {
      fault(node, fmt::format("[[webhook]]: '{}' is no setting: url, secret, name, alerts and "
                              "ca_file are",
                              key));
    }
  }
  for (const std::string_view key : {"url", "secret"}) {
    if (!table.contains(key)) fault(table, fmt::format("[[webhook]]: {} is missing", key));
  }
  if (webhook.name.empty()) webhook.name = webhook_name(webhook.url);
}

template <typename Settings, typename Read>
void read_tables_of(std::string_view section, const toml::node& node, std::vector<Settings>& all,
                    const FaultAt& fault, Read read) {
  const auto* const array = node.as_array();
  if (array == nullptr || !array->is_array_of_tables()) {
    return fault(node, fmt::format("they are tables in an array: {}", section));
  }
  for (const auto& item : *array) {
    if (all.size() == Settings::kMost) {
      return fault(item, fmt::format("at most {} {} are expected", Settings::kMost, section));
    }
    all.emplace_back();
    read(*item.as_table(), all.back(), all.size() - 1);
  }
}

void check_conditions(const Config& config,
                      const std::function<void(std::string, std::string)>& fault) {
  Schema schema(config.schema);
  if (const auto derived = DerivedFields::compile(schema); !derived) {
    for (const ListedFault& found : derived.error()) {
      fault(fmt::format("[derived] {}", config.schema.derived[found.number].name), found.what);
    }
  }
  for (const ListedFault& found : check_rules(config.alerts, schema)) {
    const bool is_of_when = found.what.starts_with("when");
    if (is_of_when && config.alerts[found.number].when.empty()) continue;  // told already
    fault(fmt::format("{} {}", alert_called(found.number), is_of_when ? "when" : "clear"),
          found.what.substr(found.what.find(' ') + 1));
  }
}

}  // namespace

void read_derived(const toml::node& node, std::vector<DerivedField>& derived, const FaultAt& fault,
                  const NoteAt& note) {
  const auto* const table = node.as_table();
  if (table == nullptr) return fault(node, "'derived' must be a table: [derived]");
  // A table goes by its keys, and these are to go by their lines.
  std::vector<std::pair<std::string_view, const toml::node*>> lines;
  for (const auto& [key, value] : *table) lines.emplace_back(key.str(), &value);
  std::ranges::sort(lines, [](const auto& a, const auto& b) {
    const auto& at = a.second->source().begin;
    const auto& other = b.second->source().begin;
    return std::pair(at.line, at.column) < std::pair(other.line, other.column);
  });
  for (const auto& [name, value] : lines) {
    DerivedField field{.name = std::string(name)};
    const std::string called = fmt::format("[derived] {}", name);
    note(*value, called);
    const auto* const text = value->as_string();
    if (text == nullptr) {
      fault(*value, fmt::format("{}: an expression, as a string, is expected", called));
      continue;
    }
    field.expression = text->get();
    derived.push_back(std::move(field));
  }
}

void read_alerts(const toml::node& node, std::vector<AlertRule>& alerts, const FaultAt& fault,
                 const NoteAt& note) {
  read_tables_of("[[alert]]", node, alerts, fault,
                 [&](const toml::table& table, AlertRule& rule, std::size_t number) {
                   note(table, alert_called(number));
                   read_alert(table, rule, alert_called(number), fault, note);
                 });
}

void read_webhooks(const toml::node& node, std::vector<WebhookSettings>& webhooks,
                   const FaultAt& fault, const NoteAt& note) {
  read_tables_of("[[webhook]]", node, webhooks, fault,
                 [&](const toml::table& table, WebhookSettings& webhook, std::size_t number) {
                   note(table, webhook_called(number));
                   read_webhook(table, webhook, webhook_called(number), fault, note);
                 });
}

void check_alerts(const Config& config,
                  const std::function<void(std::string, std::string)>& fault) {
  check_conditions(config, fault);
  std::set<std::string> names;
  for (std::size_t i = 0; i < config.alerts.size(); ++i) {
    const std::string& name = config.alerts[i].name;
    if (name.empty() || names.insert(name).second) continue;
    fault(alert_called(i) + " name", fmt::format("\"{}\" is there twice", name));
  }
  if (!config.alerts.empty() && config.has_redis_log()) {
    fault(alert_called(0),
          "there are no alerts where Redis is the log ([durability] log): their state is committed "
          "with that of a log of this machine");
  }
  std::set<std::string> destinations = {"redis"};
  for (const auto& output : config.outputs) destinations.insert(output.name);
  for (std::size_t i = 0; i < config.webhooks.size(); ++i) {
    const WebhookSettings& webhook = config.webhooks[i];
    if (!destinations.insert(webhook.name).second) {
      fault(webhook_called(i), fmt::format("the destination \"{}\" is there twice: give it a name "
                                           "of its own",
                                           webhook.name));
    }
    for (const auto& name : webhook.alerts) {
      if (names.contains(name)) continue;
      fault(webhook_called(i) + " alerts", fmt::format("there is no alert \"{}\"", name));
    }
  }
}

}  // namespace slipstream
