#include "redis/servers.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/backoff.h"
#include "redis/cluster_map.h"

namespace slipstream {

namespace {

constexpr Backoff::Options kRetryPauses{.first = std::chrono::milliseconds(10),
                                        .limit = std::chrono::milliseconds(200)};
// More redirects in a row than any real cluster gives.
constexpr int kMaxRedirects = 16;

/// Under which host a node knows the server we asked, if it does not say.
std::string host_of(const RedisAddress& asked) {
  return asked.kind == RedisAddress::Kind::kUnix ? "127.0.0.1" : asked.host;
}

RedisFailure lost(const Error& error) {
  return {RedisFailure::Kind::kLost, error.message};
}

}  // namespace

struct RedisServers::Impl {
  using Node = RedisNodes::Node;

  Impl(RedisServersOptions o, const Clock& clock)
      : options(std::move(o)),
        nodes(options.connection, options.breaker, stats, clock),
        pool(nodes, options.pool_size, std::chrono::milliseconds(options.pool_wait_ms)) {
    if (options.seeds.empty()) options.seeds.emplace_back();
    standing.asked = options.seeds.front();
    standing.is_known =
        options.cluster == RedisServersOptions::Cluster::kNo && options.seeds.size() == 1;
  }

  /// What is known of who serves what.
  struct Standing {
    bool is_known = false;
    bool is_cluster = false;
    RedisAddress asked;  // of one server: it; of a cluster: whose credentials serve for all
    ClusterMap map;
  };

  RedisAddress address_of(const RedisNode& node) const {  // with mutex held
    auto address = standing.asked;
    if (address.kind == RedisAddress::Kind::kUnix) address.kind = RedisAddress::Kind::kTcp;
    address.path.clear();
    address.host = node.host;
    address.port = node.port;
    return address;
  }

  std::optional<RedisAddress> locate(std::string_view key) const {
    const std::lock_guard lock(mutex);
    if (!standing.is_known) return std::nullopt;
    if (!standing.is_cluster) return standing.asked;
    const auto* node = standing.map.master_of(redis_slot(key));
    return node == nullptr ? std::nullopt : std::optional(address_of(*node));
  }

  bool may_move() const {
    const std::lock_guard lock(mutex);
    return standing.is_cluster || options.seeds.size() > 1;
  }

  /// Whom to ask who serves what: those that did not fail lately first.
  std::vector<RedisAddress> advisers() const {
    std::vector<RedisAddress> out;
    const std::lock_guard lock(mutex);
    if (standing.is_cluster) {
      for (const auto& node : standing.map.nodes()) out.push_back(address_of(node));
    }
    for (const auto& seed : options.seeds) {
      if (std::find(out.begin(), out.end(), seed) == out.end()) out.push_back(seed);
    }
    return out;
  }

  Result<void> refresh(bool only_if_due);
  /// Where that fails, what was known before still serves.
  void refresh_if_due() { [[maybe_unused]] const auto asked = refresh(true); }
  Result<void> ask_all();
  Result<Standing> ask(RedisConnection& connection, bool& is_replica);

  /// Gives `open` the node of the key; where that fails and another may have taken over, that one.
  template <typename Open>
  std::invoke_result_t<Open, Node&> at_node_of(std::string_view key, Open open);
  Result<RedisLease> borrow(std::string_view key, const std::optional<RedisAddress>& at);
  void learn(ReplyView reply, const RedisAddress& from);

  RedisServersOptions options;
  RedisStats stats;
  RedisNodes nodes;
  RedisPool pool;

  mutable std::mutex mutex;  // guards the two below
  Standing standing;
  bool is_stale = false;  // a server told us so

  std::mutex refreshing;  // held while asking; guards the two below
  Result<void> last_result;
  std::chrono::steady_clock::time_point asked_at = std::chrono::steady_clock::time_point::min();
  std::atomic<std::uint64_t> askings{0};
};

Result<void> RedisServers::Impl::refresh(bool only_if_due) {
  const auto seen = askings.load();
  const std::lock_guard turn(refreshing);
  // Another thread has asked while this one waited: its answer is as good.
  if (askings.load() != seen) return last_result;
  const auto now = std::chrono::steady_clock::now();
  const auto interval = std::chrono::milliseconds(options.refresh_interval_ms);
  if (only_if_due && askings.load() > 0 && now < asked_at + interval) return last_result;
  last_result = ask_all();
  asked_at = std::chrono::steady_clock::now();
  ++askings;
  return last_result;
}

Result<void> RedisServers::Impl::ask_all() {
  auto addresses = advisers();
  std::partition(addresses.begin(), addresses.end(),
                 [this](const auto& address) { return nodes.at(address).breaker.failures() == 0; });
  std::optional<Standing> replica;
  std::optional<Error> first_error;
  const auto note = [&](Error error) {
    if (!first_error) first_error = std::move(error);
  };
  const auto take_in = [this](Standing found) {
    stats.map_refreshes.add();
    const std::lock_guard lock(mutex);
    standing = std::move(found);
    is_stale = false;
  };
  for (const auto& address : addresses) {
    auto connection = nodes.open(nodes.at(address), "");
    if (!connection) {
      note(std::move(connection.error()));
      continue;
    }
    bool is_replica = false;
    auto found = ask(**connection, is_replica);
    if (!found) {
      note(std::move(found.error()));
    } else if (is_replica) {
      replica = std::move(*found);
    } else {
      take_in(std::move(*found));
      return {};
    }
  }
  if (replica) {
    take_in(std::move(*replica));
    return {};
  }
  return std::unexpected(std::move(*first_error));
}

Result<RedisServers::Impl::Standing> RedisServers::Impl::ask(RedisConnection& connection,
                                                             bool& is_replica) {
  using Cluster = RedisServersOptions::Cluster;
  const auto deadline =
      redis_deadline_in(std::chrono::milliseconds(options.connection.connect_timeout_ms));
  Standing out;
  out.asked = connection.address();
  out.is_known = true;
  {
    const std::lock_guard lock(mutex);
    out.is_cluster = standing.is_cluster || options.cluster == Cluster::kYes;
  }
  if (!out.is_cluster && options.cluster == Cluster::kAuto) {
    auto info = connection.call({"INFO", "cluster"}, deadline);
    if (!info) return fail(info.error().message);
    if (classify(*info) == ReplyError::kTryAgain) {
      return fail(fmt::format("{}: {}", out.asked.text(), info->text()));
    }
    // One that does not tell (no right to) is taken for a single one; a MOVED would show.
    out.is_cluster = info->text().find("cluster_enabled:1") != std::string_view::npos;
  }
  if (out.is_cluster) {
    auto slots = connection.call({"CLUSTER", "SLOTS"}, deadline);
    if (!slots) return fail(slots.error().message);
    auto map = ClusterMap::parse(*slots, host_of(out.asked));
    if (!map) return fail(fmt::format("{}: {}", out.asked.text(), map.error().message));
    if (map->nodes().empty()) return fail(out.asked.text() + ": its cluster serves no slots yet");
    out.map = std::move(*map);
    return out;
  }
  if (options.seeds.size() > 1) {
    auto info = connection.call({"INFO", "replication"}, deadline);
    if (!info) return fail(info.error().message);
    is_replica = info->text().find("role:slave") != std::string_view::npos;
  }
  return out;
}

template <typename Open>
std::invoke_result_t<Open, RedisNodes::Node&> RedisServers::Impl::at_node_of(std::string_view key,
                                                                             Open open) {
  bool is_known = false;
  bool is_told = false;
  {
    const std::lock_guard lock(mutex);
    is_known = standing.is_known;
    is_told = is_stale;
  }
  if (!is_known) {
    if (auto asked = refresh(false); !asked) return std::unexpected(asked.error());
  } else if (is_told) {
    refresh_if_due();
  }
  auto address = locate(key);
  if (!address) {
    if (auto asked = refresh(true); !asked) return std::unexpected(asked.error());
    address = locate(key);
    if (!address) return fail(fmt::format("Redis: no node serves slot {}", redis_slot(key)));
  }
  auto opened = open(nodes.at(*address));
  if (opened || !may_move()) return opened;
  refresh_if_due();
  const auto successor = locate(key);
  if (!successor || *successor == *address) return opened;
  return open(nodes.at(*successor));
}

Result<RedisLease> RedisServers::Impl::borrow(std::string_view key,
                                              const std::optional<RedisAddress>& at) {
  if (auto reserved = pool.reserve(); !reserved) return std::unexpected(reserved.error());
  const auto open = [this](Node& node) { return pool.lease(node); };
  auto lease = at ? open(nodes.at(*at)) : at_node_of(key, open);
  if (!lease) pool.release();
  return lease;
}

void RedisServers::Impl::learn(ReplyView reply, const RedisAddress& from) {
  const auto redirect = parse_redirect(reply, host_of(from));
  const std::lock_guard lock(mutex);
  if (redirect && !redirect->is_ask) {
    standing.is_cluster = true;
    standing.map.move(redirect->slot, redirect->to);
  }
  if (is_redirect(reply) && !(redirect && redirect->is_ask)) is_stale = true;
}

RedisServers::RedisServers(RedisServersOptions options, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), clock)) {}

RedisServers::~RedisServers() = default;

Result<std::unique_ptr<RedisConnection>> RedisServers::connect(std::string_view key,
                                                               std::string_view name) {
  auto connection =
      impl_->at_node_of(key, [&](RedisNodes::Node& node) { return impl_->nodes.open(node, name); });
  if (!connection) {
    const auto at = impl_->locate(key).value_or(impl_->options.seeds.front());
    impl_->nodes.note_failure(name, at.text(), connection.error().message);
  }
  return connection;
}

Result<RedisLease> RedisServers::borrow(std::string_view key) {
  return impl_->borrow(key, std::nullopt);
}

std::expected<RedisReply, RedisFailure> RedisServers::call(
    std::string_view key, std::span<const std::string_view> arguments, RedisDeadline deadline,
    OnLoss on_loss) {
  Backoff pauses(kRetryPauses);
  std::optional<RedisAddress> ask_at;
  int redirects = 0;
  // Waits a little; false when the deadline would come first.
  const auto pause = [&] {
    const auto wait = pauses.next();
    if (std::chrono::steady_clock::now() + wait >= deadline) return false;
    std::this_thread::sleep_for(wait);
    return true;
  };
  while (true) {
    const bool is_asking = ask_at.has_value();
    auto lease = impl_->borrow(key, std::exchange(ask_at, std::nullopt));
    if (!lease) {
      if (on_loss == OnLoss::kRetry && pause()) continue;
      return std::unexpected(lost(lease.error()));
    }
    auto& connection = **lease;
    std::expected<ReplyView, RedisFailure> reply = ReplyView();
    if (is_asking) reply = connection.call({"ASKING"}, deadline);
    if (reply) reply = connection.call(arguments, deadline);
    if (!reply) {
      const bool is_again = on_loss == OnLoss::kRetry && reply.error().is_lost();
      lease->release();  // its place is free while this waits
      if (is_again && pause()) continue;
      return std::unexpected(std::move(reply.error()));
    }
    switch (classify(*reply)) {
      case ReplyError::kMoved:
      case ReplyError::kAsk: {
        const auto redirect = parse_redirect(*reply, host_of(connection.address()));
        if (!redirect || ++redirects > kMaxRedirects) return reply->copy();
        impl_->stats.redirects.add();
        impl_->learn(*reply, connection.address());
        if (redirect->is_ask) {
          const std::lock_guard lock(impl_->mutex);
          ask_at = impl_->address_of(redirect->to);
        }
        continue;
      }
      case ReplyError::kReadOnly:
        impl_->learn(*reply, connection.address());
        [[fallthrough]];
      case ReplyError::kTryAgain: {
        RedisReply answer = reply->copy();
        lease->release();
        if (!pause()) return answer;
        continue;
      }
      default:
        return reply->copy();
    }
  }
}

void RedisServers::learn(ReplyView reply, const RedisConnection& from) {
  impl_->learn(reply, from.address());
}

Result<void> RedisServers::refresh() {
  return impl_->refresh(true);
}

void RedisServers::hurry(std::chrono::milliseconds connect_limit) {
  impl_->nodes.hurry(connect_limit);
}

bool RedisServers::is_cluster() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->standing.is_cluster;
}

std::string RedisServers::place_of(std::string_view key) const {
  const auto address = impl_->locate(key);
  return address ? address->text() : std::string();
}

std::uint64_t RedisServers::returns() const {
  return impl_->nodes.returns();
}

std::vector<RedisConnectionState> RedisServers::states() const {
  auto states = impl_->nodes.states();
  const std::lock_guard lock(impl_->mutex);
  const auto& standing = impl_->standing;
  if (!standing.is_known) return states;
  std::set<std::string> serving;
  if (standing.is_cluster) {
    for (const auto& node : standing.map.masters()) serving.insert(impl_->address_of(node).text());
  } else {
    serving.insert(standing.asked.text());
  }
  for (auto& state : states) state.is_needed = serving.contains(state.node);
  return states;
}

const RedisStats& RedisServers::stats() const {
  return impl_->stats;
}

}  // namespace slipstream
