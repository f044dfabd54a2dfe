#include "broadcast/audience.h"

#include <algorithm>

namespace slipstream {

Client& Audience::add(std::shared_ptr<WsSession> session) {
  auto client = std::make_unique<Client>();
  client->id = next_id_++;
  client->session = std::move(session);
  Client& added = *client;
  clients_.emplace(added.id, std::move(client));
  // The filter of those who say nothing has its place beyond the bound.
  Group* group = group_for({});
  if (group == nullptr) {
    groups_.push_back(std::make_unique<Group>(Filter{}, identity_, batch_));
    group = groups_.back().get();
    groups_changed();
  }
  join(added, *group);
  return added;
}

void Audience::remove(Client& client) {
  leave(client);
  clients_.erase(client.id);
}

Client* Audience::find(std::uint64_t id) const {
  const auto found = clients_.find(id);
  return found == clients_.end() ? nullptr : found->second.get();
}

bool Audience::subscribe(Client& client, Subscription subscription) {
  if (!(subscription.filter == client.subscription.filter)) {
    const bool is_alone = client.group->clients == 1;
    Group* group = group_for(subscription.filter);
    if (group == nullptr) {
      const bool is_default = subscription.filter == Filter{};
      if (!is_default && groups_.size() >= kMaxGroups + (is_alone ? 1 : 0)) return false;
      groups_.push_back(std::make_unique<Group>(subscription.filter, identity_, batch_));
      group = groups_.back().get();
      groups_changed();
    }
    leave(client);
    client.subscription = std::move(subscription);
    join(client, *group);
  } else {
    Group& group = *client.group;
    ++group.clients;  // it must not end in between
    leave(client);
    --group.clients;
    client.subscription = std::move(subscription);
    join(client, group);
  }
  client.seen = client.group->newest.version();
  return true;
}

void Audience::switch_channel(Client& client, Channel channel, bool on) {
  if (client.subscription.has(channel) == on) return;
  client.subscription.channels[index(channel)] = on;
  auto& members = client.group->of(channel);
  if (on) {
    members.push_back(&client);
  } else {
    std::erase(members, &client);
  }
}

void Audience::withhold_points(Client& client) {
  std::erase(client.group->of(Channel::kTelemetry), &client);
  client.feed = nullptr;
}

void Audience::admit_to_points(Client& client) {
  client.group->of(Channel::kTelemetry).push_back(&client);
  client.feed = client.group;
  client.seen = client.group->newest.version();
}

const std::vector<Group*>& Audience::groups_of(std::uint64_t series_hash, std::string_view track,
                                               std::string_view chassis, std::string_view tags) {
  if (!some_pick_) return all_;
  const auto known = by_series_.find(series_hash);
  if (known != by_series_.end()) return known->second;
  if (by_series_.size() >= kMaxRemembered) by_series_.clear();
  std::vector<Group*> matching;
  for (Group* const group : all_) {
    if (group->filter->matches(track, chassis, tags)) matching.push_back(group);
  }
  return by_series_.emplace(series_hash, std::move(matching)).first->second;
}

/// nullptr: there is none, and room for none.
Group* Audience::group_for(const Filter& filter) {
  const auto known =
      std::ranges::find_if(groups_, [&](const auto& group) { return *group->filter == filter; });
  return known == groups_.end() ? nullptr : known->get();
}

void Audience::join(Client& client, Group& group) {
  client.group = client.feed = &group;
  ++group.clients;
  if (client.subscription.policy == Policy::kConflate) ++group.conflating;
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    if (client.subscription.channels[c]) group.members[c].push_back(&client);
  }
}

void Audience::leave(Client& client) {
  Group& group = *client.group;
  for (auto& members : group.members) std::erase(members, &client);
  if (client.subscription.policy == Policy::kConflate) --group.conflating;
  client.group = client.feed = nullptr;
  if (--group.clients > 0) return;
  std::erase_if(groups_, [&](const auto& owned) { return owned.get() == &group; });
  groups_changed();
}

void Audience::groups_changed() {
  all_.clear();
  for (const auto& group : groups_) all_.push_back(group.get());
  some_pick_ = std::ranges::any_of(
      groups_, [](const auto& group) { return !group->filter->is_empty_where(); });
  by_series_.clear();
}

}  // namespace slipstream
