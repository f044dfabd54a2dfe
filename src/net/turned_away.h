#pragma once
#include <array>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "net/http_service.h"
#include "net/stream.h"

namespace slipstream {

/// A connection that there is no room for, after it was told so. It is read from for a little
/// while: one closed with unread bytes is reset, and the answer lost with it. Lives by its pending
/// operations. I/O thread only.
class TurnedAway final : public std::enable_shared_from_this<TurnedAway> {
 public:
  static constexpr std::size_t kMaxDiscardedBytes = std::size_t{1} << 20;

  TurnedAway(std::unique_ptr<Stream> stream, std::shared_ptr<HttpService> service);
  ~TurnedAway();
  TurnedAway(const TurnedAway&) = delete;
  TurnedAway& operator=(const TurnedAway&) = delete;

  /// Until the client closes, at most for the service's `linger_ms` or so many bytes.
  void linger();

 private:
  void read();

  const std::unique_ptr<Stream> stream_;
  const std::shared_ptr<HttpService> service_;
  boost::asio::steady_timer timer_;
  std::array<char, 4'096> discarded_{};
  std::size_t discarded_bytes_ = 0;
};

}  // namespace slipstream
