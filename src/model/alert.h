#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace slipstream {

enum class AlertSeverity : std::uint8_t { kInfo, kWarning, kCritical };
inline constexpr std::array<std::string_view, 3> kAlertSeverityNames = {"info", "warning",
                                                                        "critical"};

constexpr std::string_view name_of(AlertSeverity severity) {
  return kAlertSeverityNames[static_cast<std::size_t>(severity)];
}

/// That an alert was raised, or cleared. Of one occurrence each is told once.
struct Alert {
  std::string id = {};    ///< of the occurrence: 16 hex digits, the same after any replay
  std::string rule = {};  ///< of what raises it, likewise: another one where the conditions change
  std::string name = {};
  AlertSeverity severity = AlertSeverity::kWarning;
  bool is_raised = false;  ///< else cleared
  std::string track = {};
  std::string chassis = {};
  std::string tags = {};  ///< of its series, as model/tags.h spells them
  EventTime time = {};
  std::optional<double> value = {};  ///< of the first field that the condition names
  std::string message = {};          ///< for people

  std::size_t bytes() const {
    return sizeof *this + id.size() + rule.size() + name.size() + track.size() + chassis.size() +
           tags.size() + message.size();
  }
  friend bool operator==(const Alert&, const Alert&) = default;
};

}  // namespace slipstream
