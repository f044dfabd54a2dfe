#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "broadcast/client.h"
#include "broadcast/filter.h"
#include "broadcast/newest_points.h"
#include "broadcast/telemetry_batcher.h"

namespace slipstream {

/// The clients with one and the same filter: what they get is encoded once.
struct Group {
  Group(Filter f, const std::vector<std::string>& identity, TelemetryBatcherOptions options)
      : filter(std::make_shared<const Filter>(std::move(f))),
        projection(*filter, identity),
        batcher(options) {}

  /// Points go into its table of the newest: somebody may get those instead of all.
  bool keeps_newest() const { return filter->max_hz > 0 || conflating > 0; }
  std::vector<Client*>& of(Channel channel) { return members[index(channel)]; }

  const std::shared_ptr<const Filter> filter;
  const Projection projection;
  TelemetryBatcher batcher;  ///< unless the filter has a max_hz
  NewestPoints newest;
  std::uint64_t newest_sent = 0;  ///< with a max_hz: the version up to which all was sent
  SteadyTime newest_due = kNever;
  std::size_t clients = 0;
  std::size_t conflating = 0;  ///< of them, with Policy::kConflate
  std::array<std::vector<Client*>, kChannelCount> members;
};

/// Calls `visit` with each client, whose state is fetched a few ahead: with many, it is in no
/// cache.
template <typename Visit>
void for_each_client(const std::vector<Client*>& members, Visit visit) {
  constexpr std::size_t kAhead = 4;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i + 2 * kAhead < members.size()) __builtin_prefetch(members[i + 2 * kAhead]);
    if (i + kAhead < members.size()) {
      const auto* session = reinterpret_cast<const char*>(members[i + kAhead]->session.get());
      __builtin_prefetch(session);
      __builtin_prefetch(session + 64);
      __builtin_prefetch(session + 128);
    }
    visit(*members[i]);
  }
}

/// All clients, by their filters. Bounded: at most kMaxGroups filters at a time. I/O thread.
class Audience {
 public:
  static constexpr std::size_t kMaxGroups = 256;

  Audience(std::vector<std::string> identity, TelemetryBatcherOptions batch)
      : identity_(std::move(identity)), batch_(batch) {}

  Client& add(std::shared_ptr<WsSession> session);
  void remove(Client& client);
  Client* find(std::uint64_t id) const;
  /// False: there are too many filters, and the client's stays as it is.
  bool subscribe(Client& client, Subscription subscription);
  void switch_channel(Client& client, Channel channel, bool on);
  /// The client, which has the telemetry channel, gets no points of its group's ...
  void withhold_points(Client& client);
  /// ... and gets them, from the next one on.
  void admit_to_points(Client& client);
  /// One that is none of the audience's.
  std::unique_ptr<Group> new_group(const Filter& filter) const {
    return std::make_unique<Group>(filter, identity_, batch_);
  }

  std::size_t size() const { return clients_.size(); }
  const auto& clients() const { return clients_; }
  const std::vector<std::unique_ptr<Group>>& groups() const { return groups_; }
  /// The groups whose filter takes the series' points. Valid until a group comes or goes.
  const std::vector<Group*>& groups_of(std::uint64_t series_hash, std::string_view track,
                                       std::string_view chassis, std::string_view tags);

 private:
  static constexpr std::size_t kMaxRemembered = 100'000;

  Group* group_for(const Filter& filter);
  void join(Client& client, Group& group);
  void leave(Client& client);
  void groups_changed();

  const std::vector<std::string> identity_;
  const TelemetryBatcherOptions batch_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<Group*> all_;  ///< where no group picks machines, they are all groups
  bool some_pick_ = false;
  boost::unordered_flat_map<std::uint64_t, std::vector<Group*>> by_series_;
};

}  // namespace slipstream
