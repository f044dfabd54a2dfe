#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "load.h"

namespace slipstream::bench {

inline constexpr std::size_t kTrials = 3;  ///< of which the medians count: others share the machine

struct Trial {
  double points_per_second = 0;  ///< received without loss
  double cpu_us_per_point = 0;
  std::uint64_t peak_bytes = 0;
  bool sender_bound = false;  ///< nothing was lost though the sender did not pause
};

/// Waits until a count stands still for half a second; returns it.
std::uint64_t settled(const std::function<std::uint64_t()>& count);

/// As fast as the sender can; where something is lost, paced ever slower until nothing is.
Trial find_rate(Packing packing, std::uint16_t port, pid_t pid,
                const std::function<std::uint64_t()>& points_received);
/// The same with so many sending processes; `load` without a rate. Nothing but zeros where not even
/// the last attempt was without loss.
Trial find_rate(LoadOptions load, std::size_t processes, pid_t pid,
                const std::function<std::uint64_t()>& points_received);
/// The same for a whole server of its own with one WebSocket client.
Trial server_trial(Packing packing, const std::map<std::string, std::string>& environment = {});
/// Of each figure. At least one.
Trial median(std::vector<Trial> trials);

}  // namespace slipstream::bench
