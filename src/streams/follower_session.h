#pragma once
#include <memory>
#include <string>

#include "pipeline/live_points.h"
#include "redis/connection.h"
#include "streams/entry_decoder.h"
#include "streams/owner_session.h"
#include "streams/rollup_entries.h"
#include "streams/stream_session.h"
#include "streams/streams.h"

namespace slipstream {

/// How far a follower has read the aggregates; goes on from one session to the next. Empty: it
/// begins at the end.
struct FollowerPlace {
  std::string aggregates = {};
};

/// One partition that another instance owns, read along for our clients: new points for the
/// broadcast, new aggregates, and all stored rollups from where the store got to. It is in no group
/// and acknowledges nothing. Threads: one at a time.
class FollowerSession {
 public:
  FollowerSession(std::unique_ptr<RedisConnection> connection, const StreamParts& parts,
                  const StreamOptions& options, std::uint32_t partition, SessionMemory& memory,
                  FollowerPlace& place);
  ~FollowerSession();

  /// Goes on where it was, or finds the streams' ends.
  SessionStep begin();
  /// Waits up to 50 ms for what is new.
  SessionStep step();

  RedisConnection& connection() { return *connection_; }
  const std::string& error() const { return error_; }

 private:
  SessionStep find_end(const std::string& stream, std::string& id);
  void queue_read();
  SessionStep on_read(ReplyView reply);
  void take_points(ReplyView entries);
  void take_rollups(ReplyView entries, bool stored);
  SessionStep lost(std::string why);
  SessionStep failed(ReplyView error);

  std::unique_ptr<RedisConnection> connection_;
  const StreamParts& parts_;
  const StreamOptions& options_;
  const std::uint32_t number_;
  const StreamKeys keys_;
  SessionMemory& memory_;
  FollowerPlace& place_;
  std::string error_;
  LivePoints live_;
  EntryDecoder points_;
  RollupDecoder rollups_;
  bool is_reading_ = false;
};

}  // namespace slipstream
