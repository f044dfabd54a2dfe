#include "ops/game_settings.h"

#include <fmt/format.h>

#include <limits>
#include <set>
#include <utility>

#include "net/endpoint.h"

namespace slipstream {
namespace {

constexpr std::size_t kMostGames = 16;
constexpr std::size_t kMostTextBytes = 256;

/// Reads the values of one table, and tells what they must be where they are not.
class GameTable {
 public:
  GameTable(std::string_view section, const toml::node& node, std::string_view key,
            const FaultAt& fault)
      : section_(section), node_(node), key_(key), fault_(fault) {}

  void text(std::string& into, bool may_be_empty) const {
    const auto* text = node_.as_string();
    if (text == nullptr || text->get().size() > kMostTextBytes || text->get().contains('\0') ||
        (!may_be_empty && text->get().empty())) {
      return wrong(fmt::format("a string{} of at most {} bytes, none of them NUL, is expected",
                               may_be_empty ? "" : ", not empty,", kMostTextBytes));
    }
    into = text->get();
  }
  template <typename Number>
  void number(Number& into, std::int64_t least, std::int64_t most) const {
    const auto* number = node_.as_integer();
    if (number == nullptr || number->get() < least || number->get() > most) {
      return wrong(fmt::format("a whole number from {} to {} is expected", least, most));
    }
    into = static_cast<Number>(number->get());
  }
  void port(std::uint16_t& into) const {
    number(into, 1, std::numeric_limits<std::uint16_t>::max());
  }
  void type(char& into) const {
    const auto type = node_.value<std::string>().value_or("");
    if (type != "A" && type != "B" && type != "~" && type != "C") {
      return wrong("one of \"A\", \"B\", \"~\" and \"C\" is expected");
    }
    into = type.front();
  }
  void unknown(std::string_view known) const {
    fault_(node_, fmt::format("{}: '{}' is no setting: {} are", section_, key_, known));
  }

 private:
  void wrong(const std::string& expected) const {
    fault_(node_, fmt::format("{} {}: {}", section_, key_, expected));
  }

  const std::string_view section_;
  const toml::node& node_;
  const std::string_view key_;
  const FaultAt& fault_;
};

std::string game_called(std::string_view section, std::size_t number) {
  return fmt::format("{} number {}", section, number + 1);
}

template <typename Options, typename Read>
void read_tables(std::string_view section, const toml::node& node, std::vector<Options>& all,
                 const FaultAt& fault, const NoteAt& note, Read read) {
  const auto* array = node.as_array();
  if (array == nullptr || !array->is_array_of_tables()) {
    return fault(node, fmt::format("games are tables in an array: {}", section));
  }
  for (const auto& item : *array) {
    if (all.size() == kMostGames) {
      return fault(item, fmt::format("at most {} {} are expected", kMostGames, section));
    }
    Options options;
    const std::string called = game_called(section, all.size());
    note(item, called);
    for (const auto& [key, value] : *item.as_table()) {
      note(value, fmt::format("{} {}", called, key.str()));
      read(options, key.str(), GameTable(section, value, key.str(), fault));
    }
    all.push_back(std::move(options));
    if constexpr (requires { options.console; }) {
      if (!item.as_table()->contains("console")) {
        fault(item, "[[gt7]]: console is missing: its address");
      }
    }
  }
}

}  // namespace

void read_gt7(const toml::node& node, Config& config, const FaultAt& fault, const NoteAt& note) {
  const auto read = [](game::Gt7ClientOptions& options, std::string_view key,
                       const GameTable& value) {
    if (key == "console") return value.text(options.console, false);
    if (key == "console_port") return value.port(options.console_port);
    if (key == "port") return value.port(options.port);
    if (key == "type") return value.type(options.type);
    value.unknown("console, console_port, port and type");
  };
  read_tables("[[gt7]]", node, config.gt7, fault, note, read);
}

void read_acc(const toml::node& node, Config& config, const FaultAt& fault, const NoteAt& note) {
  const auto read = [](game::AccClientOptions& options, std::string_view key,
                       const GameTable& value) {
    constexpr std::int64_t kLeastMs = 10;
    constexpr std::int64_t kMostMs = 60'000;
    if (key == "host") return value.text(options.host, false);
    if (key == "port") return value.port(options.port);
    if (key == "name") return value.text(options.name, false);
    if (key == "password") return value.text(options.password, true);
    if (key == "interval_ms") return value.number(options.interval_ms, kLeastMs, kMostMs);
    value.unknown("host, port, name, password and interval_ms");
  };
  read_tables("[[acc]]", node, config.acc, fault, note, read);
}

void check_games(const Config& config, const std::function<void(std::string, std::string)>& fault) {
  std::set<std::uint16_t> ports;
  for (const auto& source : config.udp) {
    if (source.enabled && source.port != 0) ports.insert(source.port);
  }
  // Where a setting stands, or the table that leaves it out.
  const auto fault_of = [&](std::string_view section, std::size_t number, std::string_view key,
                            const std::string& message) {
    const std::string called = game_called(section, number);
    auto origin = config.origins.find(fmt::format("{} {}", called, key));
    if (origin == config.origins.end()) origin = config.origins.find(called);
    const auto what = fmt::format("{} {}", section, key);
    if (origin == config.origins.end()) return fault(what, message);
    fault(origin->second, fmt::format("{}: {}", what, message));
  };
  std::set<std::string> consoles;
  for (std::size_t i = 0; i < config.gt7.size(); ++i) {
    const auto& console = config.gt7[i];
    if (!ports.insert(console.port).second) {
      fault_of(
          "[[gt7]]", i, "port",
          fmt::format("something of this server listens at UDP port {} already: another one is "
                      "expected",
                      console.port));
    }
    if (console.console.empty()) continue;
    if (!consoles.insert(key_of({console.console, console.console_port})).second) {
      fault_of("[[gt7]]", i, "console",
               fmt::format("{}:{} is there twice: a console sends to one port alone",
                           console.console, console.console_port));
    }
  }
  std::set<std::string> games;
  for (std::size_t i = 0; i < config.acc.size(); ++i) {
    const auto& game = config.acc[i];
    if (games.insert(key_of({game.host, game.port})).second) continue;
    fault_of("[[acc]]", i, "host", fmt::format("{}:{} is there twice", game.host, game.port));
  }
}

}  // namespace slipstream
