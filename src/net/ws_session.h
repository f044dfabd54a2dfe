#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/frame.h"
#include "net/http.h"
#include "net/send_batch.h"

namespace slipstream {

enum class WsClose : std::uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kUnsupported = 1003,
  kPolicy = 1008,
  kTryAgainLater = 1013,
};

/// What a message is for the client's queue: samples may be left out while the client is behind,
/// what happens once may not. They are counted apart, and sent in one order.
enum class WsLane : std::uint8_t { kSamples, kEvents };
inline constexpr std::size_t kWsLaneCount = 2;

/// One WebSocket client (RFC 6455). All functions and callbacks on the I/O thread; callbacks are
/// never called from within the functions.
/// Pings every 20 s; a client that was silent for 60 s is closed. Incoming messages of at most 1
/// MiB (1009 beyond), text only (1003 for binary ones). A ping is answered at the next write; of
/// pings that come before that, the newest; more than 200 a second close with 1008.
class WsSession {
 public:
  virtual ~WsSession() = default;
  /// Queues the frame behind what waits; flush() writes.
  virtual void send(FramePtr frame, WsLane lane) = 0;
  /// Hands to the kernel what it takes now, many frames at a time; the rest follows by itself.
  virtual void flush() = 0;
  /// The same by a batch, where the connection is of a kind that can: until it is submitted,
  /// nothing else is written.
  virtual void flush(SendBatch&) { flush(); }
  /// Bytes of a lane that are not yet with the kernel.
  virtual std::size_t unsent_bytes(WsLane lane) const = 0;
  std::size_t unsent_bytes() const {
    return unsent_bytes(WsLane::kSamples) + unsent_bytes(WsLane::kEvents);
  }
  /// Sends what is queued, then closes; at the latest after a second. With kTryAgainLater what is
  /// queued is dropped, and the client has five seconds to take the goodbye.
  virtual void close(WsClose code, std::string_view reason) = 0;
  virtual bool is_open() const = 0;
  /// While paused no more is read from the client, so that its own sending comes to a stand. Pings
  /// are not answered then, nor is silence held against it.
  virtual void pause_reading(bool paused) = 0;
  /// The request that opened it: target, headers, peer's address.
  virtual const HttpRequest& request() const = 0;
  const std::string& address() const { return request().address; }

  std::function<void(std::string_view text)> on_text;
  /// What had to wait for the client is nearly all with the kernel: there is room again.
  std::function<void()> on_drain;
  std::function<void()> on_close;  ///< called once, whoever closed
};

}  // namespace slipstream
