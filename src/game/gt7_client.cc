#include "game/gt7_client.h"

#include <fmt/format.h>

#include "game/gt7_decoder.h"

namespace slipstream::game {

void Gt7Client::heard(std::string_view datagram, SteadyTime now) {
  if (!is_gt7_size(datagram.size())) return;
  heard_at_ = now;
  has_heard_ = true;
}

void Gt7Client::take_due(SteadyTime now, std::vector<std::string>& out) {
  if (now - asked_at_ < kHeartbeatNs) return;
  asked_at_ = now;
  out.emplace_back(1, options_.type);
}

ClientState Gt7Client::state(SteadyTime now) const {
  if (now - heard_at_ >= kSilentNs) return ClientState::kSilent;
  return has_heard_ ? ClientState::kLive : ClientState::kAsking;
}

std::string Gt7Client::trouble(SteadyTime now) const {
  if (state(now) != ClientState::kSilent) return {};
  return fmt::format(
      "nothing comes from the console {}: is it on, with Gran Turismo 7 running; is that its "
      "address (on the console: Settings, Network); does a firewall here let UDP port {} in?",
      options_.console, options_.port);
}

}  // namespace slipstream::game
