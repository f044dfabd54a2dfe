#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slipstream {

enum class Channel : std::uint8_t {
  kTelemetry,
  kInsights,
  kRollups,
  kSystem,
  kStandings,
  kMarks,
  kLaps,
  kAlerts
};
inline constexpr std::size_t kChannelCount = 8;
inline constexpr std::array<std::string_view, kChannelCount> kChannelNames = {
    "telemetry", "insights", "rollups", "system", "standings", "marks", "laps", "alerts"};

/// Of what is stored: a client can go on where it was.
inline constexpr std::array kResumableChannels = {Channel::kRollups, Channel::kMarks,
                                                  Channel::kLaps, Channel::kAlerts};
/// Of events that are stored one by one.
inline constexpr std::array kEventChannels = {Channel::kMarks, Channel::kLaps, Channel::kAlerts};

/// What becomes of samples while a client has too much unsent.
enum class Policy : std::uint8_t {
  kSkip,        ///< they are left out, and counted to it
  kConflate,    ///< of each machine the newest is kept for it
  kDisconnect,  ///< it is closed with 1013
};
inline constexpr std::size_t kPolicyCount = 3;
inline constexpr std::array<std::string_view, kPolicyCount> kPolicyNames = {"skip", "conflate",
                                                                            "disconnect"};

constexpr std::size_t index(Channel channel) {
  return static_cast<std::size_t>(channel);
}
constexpr std::size_t index(Policy policy) {
  return static_cast<std::size_t>(policy);
}

constexpr std::string_view name_of(Channel channel) {
  return kChannelNames[index(channel)];
}

}  // namespace slipstream
