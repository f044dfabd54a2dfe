#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "broadcast/client.h"
#include "broadcast/hub_stats.h"

namespace slipstream {

struct DeliveryOptions {
  std::size_t max_sample_bytes = 2'000'000;            ///< unsent to a client
  std::size_t max_event_bytes = std::size_t{4} << 20;  ///< likewise
  bool batches = true;                                 ///< by SendBatch, where that is to be had
  /// From so many clients on: for fewer they would save nothing.
  std::size_t least_batch = 64;
};

/// Hands frames to clients within their bounds. What was handed over since the last flush() goes
/// out then, many frames in a write. I/O thread.
class Delivery {
 public:
  Delivery(DeliveryOptions options, HubStats& stats) : options_(options), stats_(stats) {}

  /// A sample: may be left out, by the client's policy. False: it was.
  bool sample(Client& client, Channel channel, const FramePtr& frame);
  /// What happens once: a client that has no room for it is closed, with a word that says so.
  void send_event(Client& client, const FramePtr& frame);
  /// The same, and counted.
  void send_event(Client& client, Channel channel, const FramePtr& frame);
  /// Whether there is room for more of what happens once: a quarter is free for what comes between.
  bool has_room_for_event(const Client& client) const;
  /// For a conflating client that has room again: what was kept for it. `newest`: of its machines;
  /// nullptr: nothing. False: it has no room for that after all, or does not wait for it.
  bool catch_up(Client& client, const FramePtr& newest, bool is_complete);
  void flush();
  /// While it lives, frames are written as they are handed over: right where each of so many
  /// clients gets one, since its state is at hand then. To hundreds of them, in batches.
  class Eager {
   public:
    Eager(Delivery& delivery, std::size_t clients) : delivery_(delivery) {
      delivery_.eager_ = true;
      delivery_.begin_writing(clients);
    }
    ~Eager() {
      delivery_.end_writing();
      delivery_.eager_ = false;
    }
    Eager(const Eager&) = delete;
    Eager& operator=(const Eager&) = delete;

   private:
    Delivery& delivery_;
  };
  /// Before the client goes.
  void forget(Client& client);

  const DeliveryOptions& options() const { return options_; }
  /// Of all clients, how many are being left out.
  std::size_t behind() const { return behind_; }

 private:
  void touch(Client& client);
  void write(Client& client);
  void begin_writing(std::size_t clients);
  void end_writing();
  void tell_gap(Client& client);

  const DeliveryOptions options_;
  HubStats& stats_;
  std::vector<Client*> touched_;
  std::size_t behind_ = 0;
  bool eager_ = false;
  std::optional<std::unique_ptr<SendBatch>> batch_;  ///< once it was wanted; nullptr: there is none
  SendBatch* batch_in_use_ = nullptr;
};

}  // namespace slipstream
