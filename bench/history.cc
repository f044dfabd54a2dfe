// What it takes to read one lap of many out of a log, and to compare two, next to reading the same
// bytes of the file alone. The log is that of 20 cars at 25 Hz in large blocks, as rewriting leaves
// it, with its indexes. Then the same of a whole server while points come in: what the questions
// cost those. docs/performance.md says how to read it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <vector>

#include "codec/chain_encoder.h"
#include "field_points.h"
#include "history/lap_history.h"
#include "live_history.h"
#include "log/segment_log.h"
#include "racing/race_field.h"
#include "report.h"
#include "trial_size.h"

namespace slipstream::bench {
namespace {

constexpr std::size_t kCars = 20;
constexpr double kRateHz = 25;
constexpr std::size_t kBlockPoints = 8'192;
constexpr std::uint64_t kLaps = 1'000;
constexpr int kQuestions = 200;
constexpr std::int64_t kStartNs = 1'757'032'100 * kNsPerSecond;

template <typename T>
T sure(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

class RecordedLaps {
 public:
  explicit RecordedLaps(std::uint64_t count)
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("slipstream-bench-history-{}", std::random_device{}())) {
    log_ = sure(SegmentLog::open(posix_file_system(), folder_));
    record(count);
    while (sure(indexes_.tend(log_->synced_segments(), {}))) {
    }
  }
  ~RecordedLaps() {
    log_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  PointReader reader() {
    return {posix_file_system(), folder_, [this] { return log_->synced_segments(); }, indexes_,
            system_clock()};
  }
  const std::vector<StoredLap>& laps() const { return laps_; }
  std::uint64_t points() const { return points_; }
  std::uint64_t log_bytes() const { return log_->bytes(); }
  std::uint64_t index_bytes() const {
    return static_cast<std::uint64_t>(indexes_.stats().bytes.value());
  }
  /// Bytes of the log that a lap's question reads.
  std::uint64_t bytes_of(const Lap& lap) {
    std::uint64_t bytes = 0;
    for (const auto& segment : log_->synced_segments()) {
      const auto index = indexes_.find(segment);
      if (!index) continue;
      for (const auto& group :
           index->find(lap.activity.track, lap.activity.chassis, lap.began, lap.ended)) {
        bytes += group.end - group.position;
      }
    }
    return bytes;
  }
  /// Of the whole log, from beginning to end.
  double read_ns_per_byte() const {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<char> buffer(std::size_t{1} << 20);
    std::uint64_t bytes = 0;
    for (const auto& segment : log_->synced_segments()) {
      std::ifstream in(folder_ / segment.name, std::ios::binary);
      while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
             in.gcount() > 0) {
        bytes += static_cast<std::uint64_t>(in.gcount());
      }
    }
    const std::chrono::duration<double, std::nano> elapsed =
        std::chrono::steady_clock::now() - begin;
    return elapsed.count() / static_cast<double>(std::max<std::uint64_t>(bytes, 1));
  }

 private:
  void record(std::uint64_t count) {
    RaceField field({.cars = kCars, .rate_hz = kRateHz});
    std::vector<double> last(kCars, -1);
    std::vector<std::optional<EventTime>> began(kCars);
    while (laps_.size() < count) {
      const EventTime now{kStartNs + static_cast<std::int64_t>(field.time_s() * 1e9)};
      for (std::size_t car = 0; car < kCars; ++car) {
        const CarReading r = field.reading(car);
        if (r.lapdist_m < last[car]) close_lap(field, car, r.lap, began[car], now);
        last[car] = r.lapdist_m;
        add_field_point(batch_, schema_, field, car, now);
      }
      field.step();
      if (batch_.points.size() >= kBlockPoints) append();
    }
    append();
    // What is sealed has an index: one more segment begins behind it.
    log_.reset();
    log_ = sure(SegmentLog::open(posix_file_system(), folder_, {.segment_bytes = 1}));
    add_field_point(batch_, schema_, field, 0, {0});
    append();
  }
  void close_lap(const RaceField& field, std::size_t car, std::int32_t number,
                 std::optional<EventTime>& began, EventTime now) {
    if (began) {
      auto lap = std::make_shared<Lap>();
      lap->activity = {.track = "barber", .chassis = std::string(field.chassis(car))};
      lap->lap = number;
      lap->revision = 1;
      lap->began = *began;
      lap->ended = now;
      lap->is_complete = true;
      lap->lap_time_s = static_cast<double>(now.ns - began->ns) * 1e-9;
      laps_.push_back({.id = fmt::format("s-{}-{}", car, number), .session = "s", .lap = lap});
    }
    began = now;
  }
  void append() {
    if (batch_.points.empty()) return;
    rows_.clear();
    rows_.add_points(batch_, 0);
    if (!encoder_.encode(rows_, false, payload_)) throw std::runtime_error("no chain");
    sure(log_->append({.base_offset = log_->next_offset(),
                       .count = rows_.count(),
                       .min_time_ns = rows_.min_event_time().ns,
                       .max_time_ns = rows_.max_event_time().ns,
                       .payload = payload_}));
    sure(log_->sync());
    points_ += batch_.points.size();
    batch_.clear();
  }
  static void sure(Result<void> result) {
    if (!result) throw std::runtime_error(result.error().message);
  }
  template <typename T>
  static T sure(Result<T> result) {
    return bench::sure(std::move(result));
  }

  const std::filesystem::path folder_;
  Schema schema_;
  ChainEncoder encoder_{schema_.fields()};
  LogRows rows_;
  PointBatch batch_;
  std::string payload_;
  std::uint64_t points_ = 0;
  std::vector<StoredLap> laps_;
  std::unique_ptr<SegmentLog> log_;
  SegmentIndexes indexes_{posix_file_system(), folder_};
};

struct Times {
  double p50_ms;
  double p99_ms;
};

template <typename Question>
Times measure(int questions, Question question) {
  std::vector<double> times;
  for (int i = 0; i < questions; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    question(i);
    const std::chrono::duration<double, std::milli> elapsed =
        std::chrono::steady_clock::now() - begin;
    times.push_back(elapsed.count());
  }
  std::ranges::sort(times);
  return {times[times.size() / 2], times[std::min(times.size() - 1, times.size() * 99 / 100)]};
}

std::string run_log() {
  RecordedLaps recorded(trial_count(kLaps));
  const auto& laps = recorded.laps();
  LapHistory history(recorded.reader(), {}, [](const std::string&, const std::string&) {});
  const KnownLine line{
      .name = "barber",
      .laps = {laps.begin(), laps.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                                laps.size(), kMostLearnedLaps))}};
  std::mt19937_64 random(1);
  const auto any = [&]() -> const StoredLap& { return laps[random() % laps.size()]; };
  const int questions = static_cast<int>(trial_count(kQuestions)) + 2;
  const std::vector<std::string> fields = {"speed_kmh", "pbrake_f", "aps"};
  const auto learned = measure(1, [&](int) { sure(history.track(line, {})); });
  const auto trace = measure(
      questions, [&](int) { sure(history.trace({.lap = any(), .fields = fields}, {}, {})); });
  const auto comparison = measure(questions, [&](int) {
    const std::vector<StoredLap> two = {any(), any()};
    sure(history.compare(two, fields, 5, line, {}));
  });
  std::uint64_t bytes = 0;
  for (int i = 0; i < questions; ++i) bytes += recorded.bytes_of(*any().lap);
  bytes /= static_cast<std::uint64_t>(questions);
  const double raw_ms = recorded.read_ns_per_byte() * static_cast<double>(bytes) * 1e-6;

  fmt::print(
      "{} laps, {} points, log {:.1f} MB, index {:.3f} % of it; {:.2f} MB are read for a lap\n",
      laps.size(), recorded.points(), static_cast<double>(recorded.log_bytes()) * 1e-6,
      100.0 * static_cast<double>(recorded.index_bytes()) /
          static_cast<double>(recorded.log_bytes()),
      static_cast<double>(bytes) * 1e-6);
  fmt::print("{:34} {:>9} {:>9} {:>16}\n", "", "p50 ms", "p99 ms", "same bytes, ms");
  fmt::print("{:34} {:>9.2f} {:>9.2f} {:>16.2f}\n", "a trace of three fields", trace.p50_ms,
             trace.p99_ms, raw_ms);
  fmt::print("{:34} {:>9.2f} {:>9.2f} {:>16.2f}\n", "a comparison of two laps", comparison.p50_ms,
             comparison.p99_ms, 2 * raw_ms);
  fmt::print("{:34} {:>9.2f}\n", "the track's line, of twenty laps", learned.p50_ms);
  return fmt::format(
      R"("log":{{"laps":{},"index_share":{:.5f},"trace_p50_ms":{:.3f},"trace_p99_ms":{:.3f},)"
      R"("compare_p50_ms":{:.3f},"compare_p99_ms":{:.3f},"raw_ms":{:.3f},"learn_ms":{:.3f}}})",
      laps.size(),
      static_cast<double>(recorded.index_bytes()) / static_cast<double>(recorded.log_bytes()),
      trace.p50_ms, trace.p99_ms, comparison.p50_ms, comparison.p99_ms, raw_ms, learned.p50_ms);
}

}  // namespace
}  // namespace slipstream::bench

int main(int argc, char** argv) {
  using namespace slipstream::bench;
  const Report report(argc, argv);
  std::string log;
  std::string live;
  if (report.wants("log")) log = run_log();
  if (report.wants("live")) live = run_live_history();
  return report.finish(json_object({log, live}));
}
