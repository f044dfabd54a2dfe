#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "simulation/ledger.h"
#include "simulation/random.h"
#include "simulation/server.h"

namespace slipstream::simulation {

/// A machine whose points always make the fold throw, while the simulation's hook is set.
inline constexpr const char* kPoison = "poison";

/// The cars and the clients: they outlive the server, and remember what it told them.
class Traffic {
 public:
  Traffic(Random& random, Ledger& ledger);

  /// As UDP does: one batch of one partition, no answer. False: there was no room for it.
  bool offer_datagram(Server& server, const std::shared_ptr<const Layout>& layout, ArrivalTime now);
  /// As HTTP does, some with an Idempotency-Key. What it did, for the trace.
  std::string offer_body(Server& server, const std::shared_ptr<const Layout>& layout,
                         ArrivalTime now);
  /// The server has come back with these keys.
  void check_keys(const std::vector<AnsweredKey>& keys, SteadyTime now) const;

  std::uint64_t answered_again() const { return answered_again_; }

 private:
  struct Car {
    std::string track;
    std::string chassis;
    std::int32_t lap = 1;
    std::int32_t sector = 0;
    std::int64_t newest_ns = 0;  ///< event time
    std::uint64_t sent = 0;
  };
  /// A body that its client sends until it is answered, and sometimes once more.
  struct KeyedBody {
    std::string key;
    std::string answer;
    SteadyTime first_sent;
    std::vector<SimPoint> points;
    TakenPtr taken;  ///< the last time it was
  };

  SimPoint point_of(Car& car, ArrivalTime now);
  std::vector<SimPoint> points(std::size_t count, ArrivalTime now);
  std::vector<PointBatchPtr> batches_of(std::vector<SimPoint>& points, Server& server,
                                        const Layout& layout, ArrivalTime now) const;
  KeyedBody* pick_keyed(Moment now);
  std::string offer(Server& server, const std::shared_ptr<const Layout>& layout, ArrivalTime now,
                    std::vector<SimPoint> points, Durability durability, KeyedBody* keyed);
  std::string answer_again(Server& server, const AnsweredKeys::Answer& answer,
                           const KeyedBody& keyed, Durability durability);

  static constexpr std::int64_t kRetriedNs = 500 * kNsPerSecond;  ///< well within what is kept

  Random& random_;
  Ledger& ledger_;
  std::vector<Car> cars_;
  std::deque<KeyedBody> keyed_;
  std::uint64_t keys_given_ = 0;
  std::uint64_t answered_again_ = 0;
};

}  // namespace slipstream::simulation
