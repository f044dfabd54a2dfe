#include "app/connection_budget.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipstream {
namespace {

/// Log (segments, their folder, its reader), store (database, WAL, index, temporary files), sockets
/// that listen, the loops of threads, standard streams, and as many again to be safe.
constexpr std::size_t kBaseReserve = 48;
/// A socket and its thread's wake event; of the first they are in the above.
constexpr std::size_t kPerReceiver = 2;
/// Of each receiver: a target that it sends on to.
constexpr std::size_t kPerTarget = 1;
/// A socket, twice, and its thread's wake event.
constexpr std::size_t kPerGame = 3;
/// A connection to Redis turns a loop of its own: a socket and three descriptors of the loop.
constexpr std::size_t kPerRedisConnection = 4;
/// Leases, the log in streams, aggregates, asking for the cluster's map.
constexpr std::size_t kMoreRedisConnections = 6;

constexpr std::uint32_t kMostTurnedAway = 64;
constexpr std::size_t kTurnedAwayShare = 8;  ///< one of so many

std::size_t reserve_of(const Config& config) {
  std::size_t base = kBaseReserve - kPerReceiver;
  for (const auto& source : config.udp) {
    base += (kPerReceiver + kPerTarget * source.forward.size()) * source.receivers.value_or(1);
  }
  base += kPerGame * (config.gt7.size() + config.acc.size());
  if (config.redis.url.empty()) return base;
  const std::size_t connections =
      config.redis.pool + config.redis.partitions + kMoreRedisConnections;
  return base + kPerRedisConnection * connections;
}

}  // namespace

Result<ConnectionBudget> plan_connections(const Config& config, std::size_t descriptor_limit) {
  const std::size_t reserve = reserve_of(config);
  const std::size_t left = descriptor_limit - std::min(reserve, descriptor_limit);
  const auto turned_away = static_cast<std::uint32_t>(
      std::clamp<std::size_t>(left / kTurnedAwayShare, 1, kMostTurnedAway));
  const std::size_t room = left - std::min<std::size_t>(turned_away, left);
  if (room < ConnectionBudget::kFewest) {
    return fail(fmt::format(
        "this process may have {} files and sockets open, and needs {} for its log, its store and "
        "the like and {} for connections: raise the limit, to 1024 or more (ulimit -n; "
        "LimitNOFILE= of a systemd unit; --ulimit nofile= of a container)",
        descriptor_limit, reserve, ConnectionBudget::kFewest + turned_away));
  }
  const auto connections =
      static_cast<std::uint32_t>(std::min<std::size_t>(room, config.server.max_connections));
  return ConnectionBudget{.limit = descriptor_limit,
                          .reserve = reserve,
                          .connections = connections,
                          .turned_away = turned_away,
                          .is_lower_than_asked = connections < config.server.max_connections};
}

}  // namespace slipstream
