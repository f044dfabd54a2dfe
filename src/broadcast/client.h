#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "broadcast/client_message.h"
#include "model/stored_events.h"
#include "net/ws_session.h"

namespace slipstream {

struct Group;

/// How a client gets what is stored in rows.
enum class ReadingMode : std::uint8_t {
  kOff,
  kHeld,     ///< newly subscribed: what comes is kept for a moment, should a `resume` follow
  kLive,     ///< as it is committed
  kReading,  ///< what it missed, from the store, until that is all
};

struct Resumption {
  StoredCursor after;
  std::string id;  ///< as in the client's message
};

/// How far a client is with a channel of what is stored (ResumableChannel).
struct StoredReading {
  ReadingMode mode = ReadingMode::kOff;
  StoredCursor read_to;  ///< kReading: up to there; kHeld: where its subscription began
  bool is_under_way = false;
  std::uint64_t read_turn = 0;  ///< a page that was asked for in another one is not wanted any more
  std::uint64_t held_from = 0;  ///< kHeld: the number of the first commit that is held
  std::uint64_t hold_turn = 0;  ///< counts its holds
  std::optional<Resumption> resuming;  ///< the store is asked about its cursor
};

/// One WebSocket client, as the fan-out sees it. I/O thread.
struct Client {
  // What every message touches.
  std::uint64_t id = 0;  ///< never given out twice
  std::shared_ptr<WsSession> session;
  std::uint64_t missed = 0;  ///< samples left out since the last one it got
  std::uint64_t seen = 0;    ///< with Policy::kConflate: the version of its group's newest points
  bool conflating = false;   ///< is behind: the newest of each machine waits for it
  bool touched = false;      ///< has frames that are to be flushed at the end of the turn

  Group* group = nullptr;
  /// Whose points it gets: its group; its own, while it joins late; nullptr: none yet.
  Group* feed = nullptr;
  Subscription subscription;
  std::array<FramePtr, kChannelCount> newest;  ///< while conflating, of channels without machines

  std::array<StoredReading, kChannelCount> readings;  ///< by channel, of those that are stored

  // Publishing.
  std::size_t publishes_waiting = 0;
  std::size_t publish_bytes_waiting = 0;

  bool is_behind() const { return missed > 0 || conflating; }
};

}  // namespace slipstream
