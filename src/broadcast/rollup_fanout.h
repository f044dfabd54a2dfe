#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "broadcast/resumable_channel.h"
#include "broadcast/rollup_messages.h"
#include "model/stored_rollups.h"

namespace slipstream {

/// Reads stored rollups; `taker` is called on the I/O thread, later.
using RollupReadFunction = std::function<void(StoredRollupsQuery query, StoredRollupsTaker taker)>;

/// Committed rollups to the clients of the rollups channel. Those that are not stored are given
/// only as they come: who waits for a moment has them kept here. I/O thread.
class RollupFanout final : public ResumableChannel {
 public:
  RollupFanout(Audience& audience, Delivery& delivery, const FieldTable& fields,
               RollupReadFunction read, ResumedFunction resumed)
      : ResumableChannel(Channel::kRollups, audience, delivery, std::move(resumed)),
        fields_(fields),
        read_(std::move(read)) {}

  void take(CommittedRollups committed);

 private:
  void read_page(Client& client, RollupCursor after, std::uint64_t turn) override;
  bool end_hold(Client& client) override;
  void holds_ended() override { forget_recent(); }
  void go_live(Client& client);
  void end_all_holds();
  void forget_recent();

  const FieldTable& fields_;
  const RollupReadFunction read_;
  std::deque<RollupMessages> recent_;  ///< the last commits, for those who are held
  std::size_t recent_bytes_ = 0;
};

}  // namespace slipstream
