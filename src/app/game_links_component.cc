#include "app/game_links_component.h"

#include <fmt/format.h>

#include <utility>

#include "base/object_writer.h"
#include "game/acc_client.h"
#include "game/gt7_client.h"
#include "net/address_list.h"
#include "net/own_addresses.h"
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
  std::unique_ptr<GameLinksComponent> component(
      new GameLinksComponent(basics, io,
                             {.schema = basics.schema,
                              .ingest = basics.ingest,
                              .clock = basics.clock,
                              .sink = sink,
                              .pool = basics.pool,
                              .rejection_log = rejection_log,
                              .viewers = viewers,
                              .tracer = basics.tracer}));
  const SteadyTime now = basics.clock.steady();
  std::size_t number = 0;
  for (const auto& options : basics.config.gt7) {
    auto added = component->add({.game = "gt7",
                                 .section = "[[gt7]]",
                                 .place = fmt::format("[[gt7]] number {}", ++number),
                                 .peer = {options.console, options.console_port},
                                 .port = options.port,
                                 .decoder = "games",
                                 .client = std::make_unique<game::Gt7Client>(options, now)});
    if (!added) return std::unexpected(added.error());
  }
  number = 0;
  for (const auto& options : basics.config.acc) {
    auto added = component->add({.game = "acc",
                                 .section = "[[acc]]",
                                 .place = fmt::format("[[acc]] number {}", ++number),
                                 .peer = {options.host, options.port},
                                 .port = 0,
                                 .decoder = "acc",
                                 .client = std::make_unique<game::AccClient>(options, now)});
    if (!added) return std::unexpected(added.error());
  }
  return component;
}

Result<void> GameLinksComponent::add(Wanted wanted) {
  const std::string called = fmt::format("{} {}", wanted.section, text_of(wanted.peer));
  const auto peer = resolve_datagrams(wanted.peer);
  auto socket = UdpSocket::open(
      {.host = {}, .port = wanted.port, .receive_buffer_bytes = kReceiveBufferBytes});
  if (!socket) {
    return fail(fmt::format("{}: {}. Another program that reads from the game has the port, or "
                            "another table here: end it, or give another port",
                            called, socket.error().message),
                socket.error().code);
  }
  if (peer) return link(wanted, called, *socket, *peer);
  log_warn(fmt::format("{}{}: {}. It is asked for nothing until its name is known",
                       basics_.config.before(wanted.place), called, peer.error().message));
  auto& waiting = *waiting_.emplace_back(std::make_unique<Waiting>(
      Waiting{std::move(wanted), called, std::move(*socket), peer.error().message}));
  late_names_.add([this, &waiting] { return look_for(waiting); });
  return {};
}

Result<void> GameLinksComponent::link(Wanted& wanted, const std::string& called, UdpSocket& socket,
                                      const Endpoint& peer) {
  if (OwnAddresses::is_of_many(peer)) {
    return fail(
        fmt::format("{}: {} is everybody's on a network, or a group's: the address of one "
                    "machine is expected",
                    called, peer.address.to_string()));
  }
  auto allow = AddressList::parse({peer.address.to_string()});
  if (!allow) return std::unexpected(allow.error());
  auto link = GameLink::open(socket, peer, std::move(wanted.client));
  if (!link) return fail(fmt::format("{}: {}", called, link.error().message));
  std::vector<UdpSocket> sockets;
  sockets.push_back(std::move(socket));
  const std::string thread = asked_.empty() ? std::string(wanted.game)
                                            : fmt::format("{}-{}", wanted.game, asked_.size() + 1);
  Asked& asked = asked_.emplace_back(Asked{.game = wanted.game,
                                           .peer = text_of(wanted.peer),
                                           .link = std::move(*link),
                                           .source = nullptr});
  told_.push_back(game::ClientState::kAsking);
  asked.source =
      std::make_unique<UdpSource>(std::move(sockets),
                                  UdpSourceOptions{.allow = std::move(*allow),
                                                   .decoder = std::string(wanted.decoder),
                                                   .thread_name = thread},
                                  borrowed_, 0, RelayTargets{}, asked.link.get());
  return {};
}

/// On the thread that waits for name servers. What it found is taken on the I/O thread.
bool GameLinksComponent::look_for(Waiting& waiting) {
  const auto peer = resolve_datagrams(waiting.wanted.peer);
  if (peer && !OwnAddresses::is_of_many(*peer)) {
    io_.post([this, &waiting, found = *peer] { take_known(waiting, found); });
    return true;
  }
  auto why = peer ? fmt::format("{} is no address of one machine", peer->address.to_string())
                  : peer.error().message;
  io_.post([this, &waiting, why = std::move(why)] { take_unknown(waiting, why); });
  return false;
}

void GameLinksComponent::take_unknown(Waiting& waiting, std::string why) {
  waiting.why = std::move(why);
}

void GameLinksComponent::take_known(Waiting& waiting, const Endpoint& peer) {
  const std::lock_guard lock(mutex_);
  if (is_over_) return;
  if (auto linked = link(waiting.wanted, waiting.called, *waiting.socket, peer); !linked) {
    log_warn(linked.error().message);
    waiting.why = linked.error().message;
    return;
  }
  waiting.socket.reset();
  waiting.why.clear();
  UdpSource::ThreadNumbers numbers;
  asked_.back().source->start(numbers);
}

void GameLinksComponent::start() {
  for (auto& asked : asked_) {
    UdpSource::ThreadNumbers numbers;
    asked.source->start(numbers);
  }
  if (asked_.empty() && waiting_.empty()) return;
  late_names_.start();
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
  late_names_.stop();
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  for (auto& asked : asked_) {
    asked.source->stop();
    asked.link->say_farewell();
  }
  return true;
}

void GameLinksComponent::health(HealthPage& page) const {
  if (asked_.empty() && waiting_.empty()) return;
  const SteadyTime now = basics_.clock.steady();
  for (const auto& waiting : waiting_) {
    if (waiting->why.empty()) continue;
    page.notice(fmt::format("{}{}: {}", basics_.config.before(waiting->wanted.place),
                            waiting->called, waiting->why));
  }
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
