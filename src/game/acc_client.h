#pragma once
#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

#include "game/game_client.h"

namespace slipstream::game {

struct AccClientOptions {
  std::string host = "127.0.0.1";   ///< of the game
  std::uint16_t port = 9'000;       ///< updListenerPort of its broadcasting.json
  std::string name = "Slipstream";  ///< that the game shows
  std::string password = {};        ///< connectionPassword; never told to others
  std::uint32_t interval_ms = 100;  ///< between updates of a car
};

/// Registers with Assetto Corsa Competizione (broadcasting protocol 4) and asks for its track and
/// cars, so that it sends: first of all these two, again while they do not come, and the cars again
/// where one is told of that is not known. Where nothing comes for kSilentNs it registers anew.
/// Registrations that nobody answers are said after 2, 4 and then every 8 s; where the game has
/// answered more than one, it is told to forget all but the last. What the game refuses with is
/// told for kTellRefusedNs, or until it sends, and tried again, since a password may be mended
/// there.
class AccClient final : public GameClient {
 public:
  static constexpr std::int64_t kSilentNs = 5 * kNsPerSecond;
  static constexpr std::int64_t kTellNs = 10 * kNsPerSecond;  ///< of silence, until it is told
  static constexpr std::int64_t kRegisterNs = 2 * kNsPerSecond;
  static constexpr unsigned kMostDoublings = 2;  ///< of that, while nobody answers
  static constexpr std::int64_t kRefusedNs = 10 * kNsPerSecond;
  static constexpr std::int64_t kTellRefusedNs = 25 * kNsPerSecond;  ///< two more may get lost
  static constexpr std::size_t kMostLeft = 4;  ///< registrations that it is yet to forget
  static constexpr std::int64_t kAskNs = kNsPerSecond;

  AccClient(AccClientOptions options, SteadyTime now)
      : options_(std::move(options)), data_at_(now), heard_at_(now), register_at_(now) {}

  void heard(std::string_view datagram, SteadyTime now) override;
  void take_due(SteadyTime now, std::vector<std::string>& out) override;
  void take_farewell(std::vector<std::string>& out) override;
  ClientState state(SteadyTime now) const override;
  std::string trouble(SteadyTime now) const override;

 private:
  void take_result(std::string_view datagram, SteadyTime now);
  void take_entries(std::string_view datagram);
  std::string unregistration() const;

  const AccClientOptions options_;
  bool is_registered_ = false;
  std::int32_t connection_ = 0;
  std::vector<std::int32_t> left_;  ///< connections that the game is yet to forget
  unsigned unanswered_ = 0;         ///< registrations since an answer, as far as it matters
  std::string refusal_;             ///< what the game said last; empty: it did not refuse
  SteadyTime refused_at_ = kNever;
  bool has_data_ = false;
  SteadyTime data_at_;      ///< when something but an answer to a registration came, or begun at
  SteadyTime heard_at_;     ///< when any of the game's messages came
  SteadyTime register_at_;  ///< next time
  bool has_track_ = false;
  bool has_entries_ = false;  ///< and no car was told of that they do not have
  SteadyTime track_asked_ = kNever;
  SteadyTime entries_asked_ = kNever;
  std::bitset<65'536> cars_;  ///< whose entries came
};

}  // namespace slipstream::game
