#include "app/game_links_component.h"

#include <fmt/format.h>

#include <utility>

#include "base/object_writer.h"
#include "game/acc_client.h"
#include "game/gt7_client.h"
#include "net/address_list.h"
#include "ops/logging.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kTick{250};
constexpr std::size_t kReceiveBufferBytes = std::size_t{4} << 20;

std::string text_of(const HostPort& at) {
  return at.host.contains(':') ? fmt::format("[{}]:{}", at.host, at.port)
                               : fmt::format("{}:{}", at.host, at.port);
}

}  // namespace

Result<std::unique_ptr<GameLinksComponent>> GameLinksComponent::open(const Basics& basics,
                                                                     IoThread& io, PointSink& sink,
                                                                     const Gauge& viewers,
                                                                     RejectionLog& rejection_log) {
  std::unique_ptr<GameLinksComponent> component(new GameLinksComponent(basics, io));
  const UdpSource::Borrowed borrowed{.schema = basics.schema,
                                     .ingest = basics.ingest,
                                     .clock = basics.clock,
                                     .sink = sink,
                                     .pool = basics.pool,
                                     .rejection_log = rejection_log,
                                     .viewers = viewers};
  const SteadyTime now = basics.clock.steady();
  for (const auto& options : basics.config.gt7) {
    auto added = component->add({.game = "gt7",
                                 .section = "[[gt7]]",
                                 .peer = {options.console, options.console_port},
                                 .port = options.port,
                                 .decoder = "games",
                                 .client = std::make_unique<game::Gt7Client>(options, now)},
                                borrowed);
    if (!added) return std::unexpected(added.error());
  }
  for (const auto& options : basics.config.acc) {
    auto added = component->add({.game = "acc",
                                 .section = "[[acc]]",
                                 .peer = {options.host, options.port},
                                 .port = 0,
                                 .decoder = "acc",
                                 .client = std::make_unique<game::AccClient>(options, now)},
                                borrowed);
    if (!added) return std::unexpected(added.error());
  }
  component->told_.assign(component->asked_.size(), game::ClientState::kAsking);
  return component;
}

Result<void> GameLinksComponent::add(Wanted wanted, const UdpSource::Borrowed& borrowed) {
  const std::string called = fmt::format("{} {}", wanted.section, text_of(wanted.peer));
  const auto peer = resolve_datagrams(wanted.peer);
  if (!peer) return fail(fmt::format("{}: {}", called, peer.error().message));
  auto socket = UdpSocket::open(
      {.host = {}, .port = wanted.port, .receive_buffer_bytes = kReceiveBufferBytes});
  if (!socket) {
    return fail(fmt::format("{}: {}. Another program that reads from the game has the port, or "
                            "another table here: end it, or give another port",
                            called, socket.error().message),
                socket.error().code);
  }
  auto link = GameLink::open(*socket, *peer, std::move(wanted.client));
  if (!link) return fail(fmt::format("{}: {}", called, link.error().message));
  auto allow = AddressList::parse({peer->address.to_string()});
  if (!allow) return std::unexpected(allow.error());
  std::vector<UdpSocket> sockets;
  sockets.push_back(std::move(*socket));
  const std::string thread = asked_.empty() ? std::string(wanted.game)
                                            : fmt::format("{}-{}", wanted.game, asked_.size() + 1);
  Asked& asked = asked_.emplace_back(Asked{.game = wanted.game,
                                           .peer = text_of(wanted.peer),
                                           .link = std::move(*link),
                                           .source = nullptr});
  asked.source =
      std::make_unique<UdpSource>(std::move(sockets),
                                  UdpSourceOptions{.allow = std::move(*allow),
                                                   .decoder = std::string(wanted.decoder),
                                                   .thread_name = thread},
                                  borrowed, 0, RelayTargets{}, asked.link.get());
  return {};
}

void GameLinksComponent::start() {
  for (auto& asked : asked_) {
    UdpSource::ThreadNumbers numbers;
    asked.source->start(numbers);
  }
  if (asked_.empty()) return;
  io_.every(kTick, [this] {
    for (auto& asked : asked_) asked.link->tick(basics_.clock.steady());
    tell_changes();
  });
}

/// A line where it begins or ceases to be as it should.
void GameLinksComponent::tell_changes() {
  const SteadyTime now = basics_.clock.steady();
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    const auto state = asked_[i].link->state(now);
    if (state == std::exchange(told_[i], state)) continue;
    if (state == game::ClientState::kLive) {
      log_info("the game sends", {{"game", std::string(asked_[i].game)}, {"at", asked_[i].peer}});
    } else if (const auto trouble = asked_[i].link->trouble(now); !trouble.empty()) {
      log_warn(trouble);
    }
  }
}

bool GameLinksComponent::stop() {
  for (auto& asked : asked_) {
    asked.source->stop();
    asked.link->say_farewell();
  }
  return true;
}

void GameLinksComponent::health(HealthPage& page) const {
  if (asked_.empty()) return;
  const SteadyTime now = basics_.clock.steady();
  std::string& out = page.member("games");
  out += '[';
  for (const auto& asked : asked_) {
    if (&asked != &asked_.front()) out += ',';
    ObjectWriter object(out);
    object.text("game", asked.game);
    object.text("at", asked.peer);
    object.number("port", asked.source->port());
    object.text("state", to_string(asked.link->state(now)));
    object.number("datagrams", asked.source->stats().datagrams.value());
    object.number("points", asked.source->stats().points.value());
    object.number("kernelDrops", asked.source->stats().kernel_drops.value());
  }
  out += ']';
  for (const auto& asked : asked_) {
    if (auto trouble = asked.link->trouble(now); !trouble.empty()) page.notice(std::move(trouble));
  }
}

void GameLinksComponent::metrics(MetricsPage& page) const {
  const SteadyTime now = basics_.clock.steady();
  for (const auto& asked : asked_) {
    const Labels labels = {{"game", std::string(asked.game)}, {"at", asked.peer}};
    page.gauge("game_live", "Whether a game that is asked for what it sends does send",
               asked.link->state(now) == game::ClientState::kLive ? 1 : 0, labels);
    page.counter("game_datagrams_total", "Datagrams received, by game that is asked for them",
                 real(asked.source->stats().datagrams.value()), labels);
    page.counter("game_points_total", "Points that arrived, by game that is asked for them",
                 real(asked.source->stats().points.value()), labels);
  }
}

}  // namespace slipstream
