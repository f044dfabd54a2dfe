#pragma once
#include <boost/asio/steady_timer.hpp>
#include <boost/container/small_vector.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/counters.h"
#include "net/send_batch.h"
#include "net/stream.h"
#include "net/ws_frame.h"
#include "net/ws_session.h"

namespace slipstream {

struct WsConnectionOptions {
  std::int64_t ping_ms = 20'000;
  std::int64_t silence_ms = 60'000;
  bool deflate = false;  ///< agreed on
};

/// A WebSocket over a stream: frames by reference in one queue, written with as few system calls as
/// possible. Lives by its pending operations and by whoever holds it.
class WsConnection final : public WsSession,
                           private SendBatch::Sender,
                           public std::enable_shared_from_this<WsConnection> {
 public:
  /// `alive` is held for as long as the connection is.
  WsConnection(std::unique_ptr<Stream> stream, HttpRequest request, WsConnectionOptions options,
               std::shared_ptr<void> alive);

  /// Sends the handshake's answer ahead of everything, and begins to read; `early` is what came
  /// behind the request.
  void start(std::string answer, std::string early);

  void send(FramePtr frame, WsLane lane) override;
  void flush() override;
  void flush(SendBatch& batch) override;
  using WsSession::unsent_bytes;
  std::size_t unsent_bytes(WsLane lane) const override {
    return unsent_[static_cast<std::size_t>(lane)];
  }
  void close(WsClose code, std::string_view reason) override;
  bool is_open() const override { return open_ && !closing_; }
  void pause_reading(bool paused) override;
  const HttpRequest& request() const override { return request_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    FramePtr frame;
    WsLane lane;
    bool counts;  ///< in unsent_bytes()
  };

  std::string_view bytes_of(const Waiting& waiting) const {
    return options_.deflate ? waiting.frame->deflated() : waiting.frame->plain();
  }
  bool write_some();
  bool wrote(const std::expected<std::size_t, boost::system::error_code>& taken, std::size_t total);
  void sent(std::expected<std::size_t, boost::system::error_code> taken) override;
  void took(std::size_t bytes);
  void on_writable();
  void queue_pong();
  void read();
  void process();
  void handle(WsIncoming& incoming);
  void on_ping(std::string payload);
  void begin_close(std::uint16_t code, std::string_view reason, std::chrono::milliseconds limit);
  void finish_if_done();
  void watch();
  void ping(Clock::time_point now);
  void drop();

  // What a send touches stands together: with a thousand clients little of it is in the cache.
  const std::unique_ptr<Stream> stream_;
  const WsConnectionOptions options_;
  bool open_ = true;
  bool closing_ = false;       ///< our close frame is queued
  bool peer_closed_ = false;   ///< theirs has come
  bool said_goodbye_ = false;  ///< ours is with the kernel
  bool blocked_ = true;        ///< waits for the start, for the stream to be writable, for a batch
  bool in_batch_ = false;      ///< the first waiting frame is
  std::size_t next_ = 0;       ///< the first waiting frame
  std::size_t offset_ = 0;     ///< bytes of it that are with the kernel
  std::array<std::size_t, kWsLaneCount> unsent_{};
  boost::container::small_vector<Waiting, 2> queue_;  ///< from next_ on
  std::optional<std::string> pong_;                   ///< the newest ping's payload, to be answered

  const HttpRequest request_;
  const std::shared_ptr<void> alive_;
  boost::asio::steady_timer timer_;
  WsFrameParser parser_;
  std::vector<char> buffer_;
  bool buffer_was_full_ = false;
  bool reading_ = false;
  bool paused_ = false;
  bool processing_ = false;
  Clock::time_point last_heard_;
  Clock::time_point next_ping_;
  bool is_pinged_ = false;  ///< since it was last heard
  Clock::time_point second_began_;
  int pings_this_second_ = 0;
};

}  // namespace slipstream
