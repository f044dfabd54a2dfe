#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "broadcast/audience.h"
#include "broadcast/delivery.h"
#include "broadcast/recordings.h"
#include "broadcast/telemetry_fanout.h"

namespace slipstream {

/// Clients that join late: each first gets what was recorded of the running sessions, page by page
/// from the log as fast as it takes them, then the live points, each point once.
///
/// The place in the log decides which comes by which way. While a client reads up to a place, the
/// points from there on are held for it; where it took long, or what is held grows beyond
/// kMaxHeldBytes, what is held is let go, and the client reads on, up to the new end of the log.
/// Then it is live. It leaves its late join, and is with the others of its filter, once no point
/// has come for kQuietNs that it had read already: such points were on their way meanwhile.
///
/// Bounded: kMaxAtOnce pages are read at a time, in turns; a client that has no room for its next
/// one holds up nobody. I/O thread.
class LateJoin {
 public:
  static constexpr std::size_t kMaxAtOnce = 4;
  static constexpr std::size_t kMaxHeldBytes = std::size_t{256} << 10;
  static constexpr std::int64_t kQuietNs = 2 * kNsPerSecond;
  /// Who read for longer reads once more, up to kMostPasses times: what comes meanwhile is thinned
  /// out where the client asked for a rate.
  static constexpr std::int64_t kQuickNs = 100 * kNsPerMs;
  static constexpr int kMostPasses = 8;

  LateJoin(Audience& audience, Delivery& delivery, TelemetryFanout& telemetry)
      : audience_(audience), delivery_(delivery), telemetry_(telemetry) {}

  /// The client, which has just subscribed, gets no live points until it has read.
  void begin(Client& client, Recordings& recordings, SteadyTime now);
  /// The client goes, or asks for something else.
  void end(const Client& client);

  void take(const PointBatch& batch, Moment now);
  /// The client may have room for a next page.
  void pump(const Client& client);
  void send_due(Moment now);
  /// All that waits for clients that are live.
  void send_all(Moment now);
  SteadyTime next_due() const;

 private:
  struct Join {
    std::uint64_t number = 0;
    Client* client = nullptr;
    Recordings* recordings = nullptr;
    std::shared_ptr<RecordedPoints> points = {};
    bool is_live = false;
    std::uint64_t from = 0;             ///< live points from this place on; what is below is read
    std::unique_ptr<Group> group = {};  ///< of this client alone: what is held, and its live points
    std::size_t held_bytes = 0;
    int passes = 0;
    SteadyTime pass_began = {};
    bool is_under_way = false;  ///< a page is being read
    SteadyTime quiet_since = {};
  };

  Join* find(std::uint64_t number);
  /// Those that came after this one come first.
  void read_next(std::uint64_t number);
  void begin_pass(Join& join, SteadyTime now);
  void take_page(std::uint64_t number, const Result<RecordedPage>& page, Moment now);
  void finish_pass(Join& join, SteadyTime now);
  void go_live(Join& join, SteadyTime now);
  void go_on(Join& join);
  void hold(Join& join, const PointBatch& batch, const Point& point, Moment now);
  void join_others(Join& join, Moment now);

  Audience& audience_;
  Delivery& delivery_;
  TelemetryFanout& telemetry_;
  std::deque<Join> joins_;  ///< in the order in which they came
  std::uint64_t next_number_ = 1;
  std::size_t under_way_ = 0;  ///< pages, also for those who are gone
};

}  // namespace slipstream
