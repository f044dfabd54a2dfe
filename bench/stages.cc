// What a point costs at each step of its way, in one thread, next to the least a JSON parser can do
// with its text.
#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <functional>

#include "broadcast/live_series.h"
#include "broadcast/recent_ring.h"
#include "broadcast/rollup_memory.h"
#include "broadcast/telemetry_batcher.h"
#include "codec/point_decoder.h"
#include "load.h"
#include "pipeline/partition.h"
#include "point_texts.h"
#include "racing/field_analyzer.h"
#include "racing/progress_sampler.h"
#include "racing/timed_lap.h"
#include "report.h"
#include "trial_size.h"

namespace slipstream::bench {
namespace {

constexpr std::uint32_t kCars = 20;
constexpr std::size_t kVariants = 64;
constexpr std::size_t kBatchPoints = 256;
constexpr std::int64_t kPointNs = 10 * kNsPerUs;  // between points: 5 kHz a car
constexpr double kSeconds = 1.5;

struct NoRejections final : RejectionSink {
  void rejected(std::size_t, const Rejection& rejection, std::string_view) override {
    throw std::runtime_error(rejection.message);
  }
};

struct Accepted final : AcceptedSink {
  void accept(PointBatchPtr batch) override {
    if (then) then(*batch);
    pool.put(std::move(batch));
  }
  BatchPool pool;
  std::function<void(const PointBatch&)> then;
};

struct ToMemory final : OutputSink {
  explicit ToMemory(const FieldTable& fields) : memory(fields) {}
  bool has_room() const override { return true; }
  void accept(Output output) override { memory.accept(output.rollups, {}); }
  RollupMemory memory;
};

struct Discard final : InsightSink, ProgressSink {
  void accept(PartitionId, std::vector<VehicleInsight>) override {}
  void accept(PartitionId, std::vector<CarSamples>) override {}
};

class Thirds final : public SectorMap {
 public:
  std::int32_t sector_at(std::string_view, double distance) const override {
    return distance < 2'000 ? 0 : distance < 3'000 ? 1 : 2;
  }
};

/// The texts of a batch, padded as they are when received.
class Texts {
 public:
  Texts() {
    for (std::size_t v = 0; v < kVariants; ++v) {
      for (std::uint32_t car = 0; car < kCars; ++car) {
        texts_.push_back(point_text(car, v, true));
        texts_.back().reserve(texts_.back().size() + JsonDecoder::kPadding);
      }
    }
  }
  std::string_view next(std::int64_t ns) {
    std::string& text = texts_[at_];
    if (++at_ == texts_.size()) at_ = 0;
    const auto digits = fmt::format_int(ns / kNsPerMs);
    std::memcpy(text.data() + text.find(':') + 1, digits.data(), 13);
    return text;
  }

 private:
  std::vector<std::string> texts_;
  std::size_t at_ = 0;
};

/// Nanoseconds a point.
double measure(const std::function<void(std::size_t)>& points) {
  using Clock = std::chrono::steady_clock;
  points(20'000);
  std::size_t done = 0;
  const auto begin = Clock::now();
  std::chrono::duration<double, std::nano> elapsed{};
  while (elapsed.count() < trial_seconds(kSeconds) * 1e9) {
    points(kBatchPoints * 40);
    done += kBatchPoints * 40;
    elapsed = Clock::now() - begin;
  }
  return elapsed.count() / static_cast<double>(done);
}

double bare_parse() {
  Texts texts;
  simdjson::ondemand::parser parser;
  std::int64_t ns = SystemClock().now().ns;
  double sum = 0;
  const double cost = measure([&](std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      const auto text = texts.next(ns += kPointNs);
      auto document = parser.iterate(text.data(), text.size(), text.size() + JsonDecoder::kPadding);
      simdjson::ondemand::object object;
      if (document.get_object().get(object) != simdjson::SUCCESS)
        throw std::runtime_error("no object");
      for (auto field : object) {
        double number;
        if (field.value().get_double().get(number) == simdjson::SUCCESS) sum += number;
      }
    }
  });
  if (sum == 0) throw std::runtime_error("nothing was read");
  return cost;
}

/// Laps have a benchmark of their own: here nobody tells their times.
struct NoLapTimes final : LapTimes {
  TimedLaps times_of(std::uint32_t, std::uint64_t, std::size_t) const override { return {}; }
};

enum class Until { kDecode, kFold, kAnalyse, kRecent, kMessage };

double through(Until until) {
  Texts texts;
  SystemClock clock;
  Schema schema;
  IngestStats stats;
  PipelineStats pipeline_stats{default_windows().size()};
  Accepted accepted;
  Discard discard;
  NoLapTimes times;
  ToMemory outputs(schema.fields());
  PartitionContext context{.clock = clock,
                           .ingest = stats,
                           .stats = pipeline_stats,
                           .schema = schema,
                           .accepted = accepted,
                           .outputs = outputs,
                           .definitions = default_windows(),
                           .max_series = 1'000,
                           .checkpoint_interval_ms = 0,
                           .queue = {}};
  PartitionObservers observers;
  if (until >= Until::kAnalyse) {
    observers.push_back(
        std::make_unique<FieldAnalyzer>(PartitionId{}, discard, times, FieldAnalyzerOptions{}));
    observers.push_back(
        std::make_unique<ProgressSampler>(PartitionId{}, discard, schema.fields(), times));
  }
  Partition partition({}, context, std::move(observers));
  BatchWriter writer(1, accepted.pool);
  PointDecoder decoder(schema, stats, writer);
  NoRejections rejections;
  Thirds sectors;
  RecentRing ring(10'000);
  LiveSeries live;
  TelemetryBatcher batcher({});
  LatencyHistogram latency;
  if (until >= Until::kRecent) {
    accepted.then = [&](const PointBatch& batch) {
      const Moment now = clock.moment();
      for (const auto& point : batch.points) {
        ring.push(batch, point);
        live.push(batch, point, now.steady);
        if (until == Until::kRecent) continue;
        batcher.add(batch.json(point), point.arrival_time, now.steady);
        if (batcher.is_full()) batcher.take(now, latency);
      }
    };
  }
  std::int64_t ns = clock.now().ns;
  LogOffset offset = 0;
  return measure([&](std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      ns += kPointNs;
      decoder.decode(texts.next(ns), {.arrival = {ns}}, rejections);
      PointBatchPtr& batch = writer.open().front();
      if (batch->points.size() < kBatchPoints) continue;
      if (until == Until::kDecode) {
        batch->clear();
        continue;
      }
      for (Point& point : batch->points) {
        point.sector = sectors.sector_at("", batch->value_or_nan(point, field::kLapdistM));
        point.sector_derived = true;
      }
      const std::size_t count = batch->points.size();
      partition.queue().force({.offset = offset, .count = count, .batch = std::move(batch)});
      offset += count;
      partition.poll(1);
      partition.tick();
    }
  });
}

}  // namespace
}  // namespace slipstream::bench

int main(int argc, char** argv) {
  using namespace slipstream::bench;
  const Report report(argc, argv);
  const double bare = bare_parse();
  const double steps[] = {through(Until::kDecode), through(Until::kFold), through(Until::kAnalyse),
                          through(Until::kRecent), through(Until::kMessage)};
  const char* const names[] = {"decode and validate", "+ fold in three windows",
                               "+ analyse the race", "+ recent points, series",
                               "+ a client's messages"};
  std::string json = fmt::format(R"({{"bare_ns":{:.1f})", bare);
  fmt::print("{:28} {:>10} {:>12}\n", "a point, in one thread", "ns", "x bare");
  fmt::print("{:28} {:>10.0f} {:>12.2f}\n", "bare parse", bare, 1.0);
  for (std::size_t i = 0; i < std::size(steps); ++i) {
    fmt::print("{:28} {:>10.0f} {:>12.2f}\n", names[i], steps[i], steps[i] / bare);
    json += fmt::format(R"(,"step_{}_ns":{:.1f})", i + 1, steps[i]);
  }
  return report.finish(json + "}");
}
