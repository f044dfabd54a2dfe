#pragma once
#include <fmt/format.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broadcast/fanout.h"
#include "model/point.h"
#include "net/ws_frame.h"

namespace slipstream::broadcast_testing {

/// A client in no network: it reads as many bytes as it is told to.
class FakeSession final : public WsSession {
 public:
  void send(FramePtr frame, WsLane lane) override {
    if (!is_open()) return;
    unsent_[static_cast<std::size_t>(lane)] += frame->plain().size();
    queue_.emplace_back(std::move(frame), lane);
  }
  void flush() override {
    ++flushes;
    while (is_reading && !queue_.empty()) read_one();
  }
  void flush(SendBatch&) override {
    ++batched;
    flush();
  }
  std::size_t unsent_bytes(WsLane lane) const override {
    return unsent_[static_cast<std::size_t>(lane)];
  }
  void close(WsClose code, std::string_view reason) override {
    if (closed) return;
    closed = code;
    close_reason = reason;
  }
  bool is_open() const override { return !closed; }
  void pause_reading(bool on) override { paused = on; }
  const HttpRequest& request() const override { return request_; }

  /// Takes one message of what waits, whether it reads or not.
  void read_one() {
    auto [frame, lane] = std::move(queue_.front());
    queue_.pop_front();
    unsent_[static_cast<std::size_t>(lane)] -= frame->plain().size();
    frames.push_back(frame);
    const std::string_view bytes = frame->plain();
    const unsigned length = static_cast<unsigned char>(bytes[1]) & 0x7fu;
    got.emplace_back(bytes.substr(length == 127 ? 10 : length == 126 ? 4 : 2));
  }
  void read_all() {
    while (!queue_.empty()) read_one();
  }
  std::size_t waiting() const { return queue_.size(); }
  /// What came since the call before.
  std::vector<std::string> take() { return std::exchange(got, {}); }

  bool is_reading = true;
  bool paused = false;
  std::size_t flushes = 0;
  std::size_t batched = 0;  ///< of those, by a batch
  std::optional<WsClose> closed;
  std::string close_reason;
  std::vector<std::string> got;
  std::vector<FramePtr> frames;

 private:
  HttpRequest request_{};
  std::array<std::size_t, kWsLaneCount> unsent_{};
  std::deque<std::pair<FramePtr, WsLane>> queue_;
};

inline void add_point(PointBatch& batch, std::string_view track, std::string_view chassis,
                      std::string_view json, std::int64_t arrival_ms = 0,
                      std::string_view tags = {}) {
  const auto append = [&](std::string_view text) {
    const TextRef ref{static_cast<std::uint32_t>(batch.text.size()),
                      static_cast<std::uint32_t>(text.size())};
    batch.text += text;
    return ref;
  };
  Point point{};
  point.json = append(json);
  point.track = append(track);
  point.chassis = append(chassis);
  point.tags = append(tags);
  point.series_hash = series_hash(track, chassis);
  point.arrival_time = {arrival_ms * kNsPerMs};
  point.event_time = {arrival_ms * kNsPerMs};
  batch.points.push_back(point);
}

/// A point with a number.
inline PointBatch point(std::string_view chassis, int number, std::string_view track = "cota") {
  PointBatch batch;
  add_point(batch, track, chassis,
            fmt::format(R"({{"track":"{}","chassis":"{}","n":{},"speed_kmh":1.5}})", track, chassis,
                        number));
  return batch;
}

}  // namespace slipstream::broadcast_testing
