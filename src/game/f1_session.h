#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "game/f1_layout.h"
#include "model/mark.h"

namespace slipstream::game {

inline constexpr std::size_t kMaxCars = 32;

/// What the packets about a whole session tell: its track, its drivers, its flags. One thread.
class F1Session {
 public:
  /// Names that do not come within it are made of the cars' numbers.
  static constexpr std::int64_t kNamesWithinNs = 5 * kNsPerSecond;

  F1Session() = default;
  F1Session(const F1Format& format, std::uint64_t uid, ArrivalTime begun);

  std::uint64_t uid() const { return uid_; }
  const std::string& uid_text() const { return uid_text_; }
  bool is_known() const { return is_known_; }
  const std::string& track() const { return track_; }
  unsigned type() const { return type_; }
  /// "Race, 5 laps"
  const std::string& title() const { return title_; }
  bool has_names(ArrivalTime now) const {
    return has_drivers_ || now.ns - begun_.ns >= kNamesWithinNs;
  }
  /// Of a car that may be none: empty.
  std::string_view driver(std::size_t car) const;
  /// Another player's, who keeps his telemetry to himself. Nothing: not known.
  std::optional<bool> is_restricted(std::size_t car, const F1Header& header) const;

  struct Change {
    std::string_view kind;
    std::string text;
  };
  /// Takes a session packet; tells what has changed since the one before.
  std::vector<Change> take_session(const PackedReader& packet);
  void take_participants(const PackedReader& packet);

 private:
  struct Driver {
    std::string name;
    bool keeps_to_himself = false;
  };

  const F1Format* format_ = nullptr;
  std::uint64_t uid_ = 0;
  std::string uid_text_;
  ArrivalTime begun_;
  bool is_known_ = false;
  bool has_drivers_ = false;
  std::string track_;
  std::string title_;
  unsigned type_ = 0;
  unsigned weather_ = 0;
  unsigned safety_car_ = 0;
  bool is_yellow_ = false;
  std::array<Driver, kMaxCars> drivers_;
};

}  // namespace slipstream::game
