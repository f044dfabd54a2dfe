#include "app/demo_feed.h"

#include <fmt/format.h>
#include <time.h>

namespace slipstream {
namespace {

constexpr const char* kTrack = "barber";
constexpr std::int64_t kNapNs = 5 * kNsPerMs;
constexpr std::int64_t kPauseBetweenRoundsNs = kNsPerSecond;

}  // namespace

std::string demo_host(const Config& config) {
  const std::string& host = config.udp.front().host;
  const bool is_all = host.empty() || host == "0.0.0.0" || host == "::";
  return is_all ? "127.0.0.1" : host;
}

Result<std::unique_ptr<DemoFeed>> DemoFeed::open(const Config& config, double total_m,
                                                 std::uint16_t udp_port, const Clock& clock) {
  auto sender = UdpSender::open(demo_host(config), udp_port);
  if (!sender) return std::unexpected(sender.error());
  std::unique_ptr<DemoFeed> feed(new DemoFeed(std::move(*sender), clock));
  feed->start_ = clock.moment();
  if (config.demo.data_path.empty()) {
    feed->field_ = std::make_unique<RaceField>(FieldOptions{.cars = config.demo.cars,
                                                            .seed = config.demo.seed,
                                                            .track = kTrack,
                                                            .total_m = total_m,
                                                            .rate_hz = kRateHz});
    feed->title_ = fmt::format("{} cars at {}", config.demo.cars, kTrack);
    return feed;
  }
  auto recording = read_recording(config.demo.data_path, "", config.schema);
  if (!recording) return std::unexpected(recording.error());
  feed->recording_ = std::move(*recording);
  feed->time_member_ = config.schema.time;
  feed->title_ = fmt::format("{} points of {}, over and over", feed->recording_.points.size(),
                             config.demo.data_path.string());
  return feed;
}

std::size_t DemoFeed::poll(std::size_t budget) {
  const std::int64_t elapsed_ns = clock_.steady() - start_.steady;
  std::size_t sent = 0;
  if (field_) {
    const auto due = static_cast<std::uint64_t>(static_cast<double>(elapsed_ns) * 1e-9 * kRateHz);
    for (; steps_ < due && sent < budget; ++steps_) {
      field_->step();
      const EventTime when{start_.wall.ns + static_cast<std::int64_t>(field_->time_s() * 1e9)};
      for (std::size_t car = 0; car < field_->size(); ++car, ++sent) {
        text_.clear();
        field_->append_point(car, when, text_);
        send(text_);
      }
    }
    return sent;
  }
  const auto& points = recording_.points;
  while (sent < budget) {
    if (next_ == points.size()) {
      next_ = 0;
      start_ = clock_.moment();
      start_.wall.ns += kPauseBetweenRoundsNs;
      start_.steady.ns += kPauseBetweenRoundsNs;
    }
    const auto& point = points[next_];
    if (start_.steady + (point.pace_ns - points.front().pace_ns) > clock_.steady()) break;
    const std::int64_t event_ns = start_.wall.ns + (point.event_ns - points.front().event_ns);
    send(with_event_time(point, time_member_, event_ns));
    ++next_;
    ++sent;
  }
  return sent;
}

void DemoFeed::send(std::string_view datagram) {
  // A datagram that does not get through is seen by the server as a gap in the sequence.
  [[maybe_unused]] const auto sent = sender_.send(datagram);
}

void DemoFeed::idle() {
  const timespec nap{0, kNapNs};
  nanosleep(&nap, nullptr);
}

}  // namespace slipstream
