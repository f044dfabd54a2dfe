#include "net/ws_connection.h"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>

#include "base/check.h"

namespace slipstream {
namespace asio = boost::asio;

namespace {

constexpr std::size_t kFramesPerWrite = 64;
constexpr std::size_t kFirstReadBytes = 4'096;  // a client that only listens costs no more
constexpr std::size_t kMaxReadBytes = 65'536;
constexpr std::size_t kLowWaterBytes = 65'536;  // unsent; the kernel holds as much again
constexpr std::size_t kCompactFrames = 1'024;
constexpr int kPingsPerSecond = 200;
constexpr std::chrono::milliseconds kCloseLimit{1'000};
constexpr std::chrono::milliseconds kSlowCloseLimit{5'000};

}  // namespace

WsConnection::WsConnection(std::unique_ptr<Stream> stream, HttpRequest request,
                           WsConnectionOptions options, std::shared_ptr<void> alive)
    : stream_(std::move(stream)),
      options_(options),
      request_(std::move(request)),
      alive_(std::move(alive)),
      timer_(stream_->executor()),
      parser_({.deflate = options.deflate}),
      last_heard_(Clock::now()) {}

void WsConnection::start(std::string answer, std::string early) {
  queue_.insert(queue_.begin(), Waiting{Frame::raw(std::move(answer)), WsLane::kEvents, false});
  blocked_ = false;
  flush();
  next_ping_ = Clock::now() + std::chrono::milliseconds(options_.ping_ms);
  if (!closing_) watch();
  buffer_.assign(early.begin(), early.end());
  parser_.feed({buffer_.data(), buffer_.size()});
  // Callbacks come later: whoever was handed the session may not be done with it yet.
  asio::post(stream_->executor(), [self = shared_from_this()] { self->process(); });
}

void WsConnection::send(FramePtr frame, WsLane lane) {
  if (!is_open()) return;
  Waiting waiting{std::move(frame), lane, true};
  unsent_[static_cast<std::size_t>(lane)] += bytes_of(waiting).size();
  queue_.push_back(std::move(waiting));
}

void WsConnection::flush() {
  if (!open_) return;
  while (!blocked_ && (next_ < queue_.size() || pong_)) {
    if (!write_some()) return;
  }
}

void WsConnection::flush(SendBatch& batch) {
  const int descriptor = stream_->plain_descriptor();
  if (!open_ || blocked_ || pong_ || queue_.size() != next_ + 1 || descriptor < 0) return flush();
  blocked_ = true;
  in_batch_ = true;
  batch.add(descriptor, bytes_of(queue_[next_]).substr(offset_), *this);
}

void WsConnection::sent(std::expected<std::size_t, boost::system::error_code> taken) {
  CHECK(open_ && in_batch_, "a batch is submitted before anything else is done with its sessions");
  in_batch_ = false;
  blocked_ = false;
  if (wrote(taken, bytes_of(queue_[next_]).size() - offset_)) flush();
}

/// False: the stream has failed.
bool WsConnection::write_some() {
  queue_pong();
  std::array<iovec, kFramesPerWrite> pieces;
  std::size_t count = 0;
  std::size_t total = 0;
  for (std::size_t i = next_; i < queue_.size() && count < pieces.size(); ++i, ++count) {
    std::string_view bytes = bytes_of(queue_[i]);
    if (i == next_) bytes.remove_prefix(offset_);
    pieces[count] = {const_cast<char*>(bytes.data()), bytes.size()};
    total += bytes.size();
  }
  return wrote(stream_->try_write({pieces.data(), count}), total);
}

/// Of `total` bytes. False: the stream has failed.
bool WsConnection::wrote(const std::expected<std::size_t, boost::system::error_code>& taken,
                         std::size_t total) {
  if (!taken) {
    // The stream's end is told from the loop, never from within send() or flush().
    blocked_ = true;
    asio::post(stream_->executor(), [self = shared_from_this()] { self->drop(); });
    return false;
  }
  took(*taken);
  if (*taken < total) {
    blocked_ = true;
    stream_->async_wait_writable([self = shared_from_this()](boost::system::error_code error) {
      if (error) return self->drop();
      self->on_writable();
    });
  }
  return true;
}

void WsConnection::took(std::size_t bytes) {
  while (next_ < queue_.size()) {
    Waiting& front = queue_[next_];
    const std::size_t left = bytes_of(front).size() - offset_;
    const std::size_t done = std::min(left, bytes);
    if (front.counts) unsent_[static_cast<std::size_t>(front.lane)] -= done;
    bytes -= done;
    if (done < left) {
      offset_ += done;
      break;
    }
    front.frame.reset();
    offset_ = 0;
    ++next_;
  }
  if (next_ == queue_.size()) {
    queue_.clear();
    next_ = 0;
    if (closing_) said_goodbye_ = true;
  } else if (next_ >= kCompactFrames) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(next_));
    next_ = 0;
  }
  if (said_goodbye_) finish_if_done();
}

void WsConnection::on_writable() {
  if (!open_) return;
  blocked_ = false;
  flush();
  if (open_ && !closing_ && on_drain && unsent_bytes() <= kLowWaterBytes) on_drain();
}

/// A pong goes ahead of what waits: the client wants to know that we live.
void WsConnection::queue_pong() {
  if (!pong_ || offset_ != 0) return;
  Waiting waiting{Frame::raw(make_frame(WsOpcode::kPong, *pong_)), WsLane::kEvents, false};
  pong_.reset();
  queue_.insert(queue_.begin() + static_cast<std::ptrdiff_t>(next_), std::move(waiting));
}

void WsConnection::read() {
  if (reading_ || !open_) return;
  reading_ = true;
  // Nothing refers to the buffer now. It grows for those who send much.
  if (buffer_was_full_ && buffer_.size() < kMaxReadBytes) buffer_.resize(buffer_.size() * 2);
  if (buffer_.size() < kFirstReadBytes) buffer_.resize(kFirstReadBytes);
  stream_->async_read_some(
      buffer_, [self = shared_from_this()](boost::system::error_code error, std::size_t bytes) {
        self->reading_ = false;
        if (error) return self->drop();
        self->last_heard_ = Clock::now();
        self->is_pinged_ = false;
        self->buffer_was_full_ = bytes == self->buffer_.size();
        self->parser_.feed({self->buffer_.data(), bytes});
        self->process();
      });
}

void WsConnection::process() {
  if (processing_) return;
  processing_ = true;
  bool wants_more = false;
  while (open_ && !paused_ && !peer_closed_) {
    auto incoming = parser_.next();
    if (!incoming) {
      begin_close(incoming.error().code, incoming.error().reason, kCloseLimit);
      // What else the client sends means nothing: it is read, so that our goodbye arrives.
      peer_closed_ = true;
      finish_if_done();
    } else if (*incoming) {
      handle(**incoming);
    } else {
      wants_more = true;
      break;
    }
  }
  processing_ = false;
  if (!open_) return;
  if (pong_) flush();
  if (wants_more || peer_closed_) read();
}

void WsConnection::handle(WsIncoming& incoming) {
  switch (incoming.opcode) {
    case WsOpcode::kPing:
      return on_ping(std::move(incoming.payload));
    case WsOpcode::kClose:
      peer_closed_ = true;
      begin_close(incoming.code == 1005 ? 1000 : incoming.code, "", kCloseLimit);
      return finish_if_done();
    case WsOpcode::kBinary:
      return close(WsClose::kUnsupported, "text messages only");
    case WsOpcode::kText:
      if (!closing_ && on_text) on_text(incoming.payload);
      return;
    case WsOpcode::kPong:
    case WsOpcode::kContinuation:
      return;
  }
}

void WsConnection::on_ping(std::string payload) {
  if (closing_) return;
  const auto now = Clock::now();
  if (now - second_began_ >= std::chrono::seconds(1)) {
    second_began_ = now;
    pings_this_second_ = 0;
  }
  if (++pings_this_second_ > kPingsPerSecond) return close(WsClose::kPolicy, "too many pings");
  pong_ = std::move(payload);
}

void WsConnection::pause_reading(bool paused) {
  if (paused_ == paused || !is_open()) return;
  paused_ = paused;
  if (paused) return;
  last_heard_ = Clock::now();
  asio::post(stream_->executor(), [self = shared_from_this()] {
    if (!self->reading_) self->process();
  });
}

void WsConnection::close(WsClose code, std::string_view reason) {
  if (!is_open()) return;
  auto limit = kCloseLimit;
  if (code == WsClose::kTryAgainLater) {
    limit = kSlowCloseLimit;
    // The frame that is half with the kernel must be finished.
    const std::size_t kept = offset_ == 0 && !in_batch_ ? next_ : next_ + 1;
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(kept), queue_.end());
    unsent_ = {};
    for (std::size_t i = next_; i < queue_.size(); ++i) queue_[i].counts = false;
  }
  begin_close(static_cast<std::uint16_t>(code), reason, limit);
}

void WsConnection::begin_close(std::uint16_t code, std::string_view reason,
                               std::chrono::milliseconds limit) {
  if (!is_open()) return;
  pong_.reset();
  paused_ = false;
  queue_.push_back({Frame::raw(make_close_frame(code, reason)), WsLane::kEvents, false});
  closing_ = true;
  timer_.expires_after(limit);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error) self->drop();
  });
  asio::post(stream_->executor(), [self = shared_from_this()] {
    if (!self->reading_) self->process();
  });
  flush();
}

/// Both have said goodbye: the connection is ended in order, the client to close first.
void WsConnection::finish_if_done() {
  if (!open_ || !said_goodbye_ || !peer_closed_) return;
  stream_->shutdown_send();
}

void WsConnection::watch() {
  const auto silent_at = last_heard_ + std::chrono::milliseconds(options_.silence_ms);
  timer_.expires_at(paused_ ? next_ping_ : std::min(next_ping_, silent_at));
  timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (error || !self->is_open()) return;
    const auto now = Clock::now();
    const auto silence = std::chrono::milliseconds(self->options_.silence_ms);
    if (!self->paused_ && now - self->last_heard_ >= silence) return self->drop();
    if (now >= self->next_ping_) self->ping(now);
    self->watch();
  });
}

void WsConnection::ping(Clock::time_point now) {
  next_ping_ = now + std::chrono::milliseconds(options_.ping_ms);
  // One ping that waits behind other messages is enough.
  if (next_ < queue_.size() && is_pinged_) return;
  is_pinged_ = true;
  queue_.push_back({Frame::raw(make_frame(WsOpcode::kPing, "")), WsLane::kEvents, false});
  flush();
}

void WsConnection::drop() {
  if (!std::exchange(open_, false)) return;
  stream_->close();
  timer_.cancel();
  queue_.clear();
  next_ = 0;
  unsent_ = {};
  on_text = nullptr;
  on_drain = nullptr;
  if (const auto callback = std::exchange(on_close, nullptr)) callback();
}

}  // namespace slipstream
