#include "net/turned_away.h"

namespace slipstream {

TurnedAway::TurnedAway(std::unique_ptr<Stream> stream, std::shared_ptr<HttpService> service)
    : stream_(std::move(stream)), service_(std::move(service)), timer_(stream_->executor()) {
  ++service_->turned_away;
}

TurnedAway::~TurnedAway() {
  --service_->turned_away;
}

void TurnedAway::linger() {
  stream_->shutdown_send();
  timer_.expires_after(std::chrono::milliseconds(service_->options.linger_ms));
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    if (error) return;
    if (const auto self = weak.lock()) self->stream_->close();
  });
  read();
}

void TurnedAway::read() {
  stream_->async_read_some(
      discarded_, [self = shared_from_this()](boost::system::error_code error, std::size_t bytes) {
        self->discarded_bytes_ += bytes;
        if (!error && self->discarded_bytes_ < kMaxDiscardedBytes) self->read();
      });
}

}  // namespace slipstream
