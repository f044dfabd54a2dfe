// What it costs to build laps of points, beside the fold of the same points in three windows, and
// beside a copy of them in memory, which is the machine's limit: for a machine's dozen fields, and
// for all that a game tells of a car. docs/performance.md says how to read it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <stdexcept>
#include <vector>

#include "codec/games_testing.h"
#include "field_points.h"
#include "racing/lap_observer.h"
#include "racing/race_field.h"
#include "report.h"
#include "trial_size.h"
#include "window/window_set.h"

namespace slipstream::bench {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kCars = 20;
constexpr double kRateHz = 50;
constexpr std::size_t kBatchPoints = 256;
constexpr std::int64_t kStartNs = 1'757'032'100 * kNsPerSecond;
constexpr double kSeconds = 3;
constexpr std::size_t kFewestBatches = 1'000;  // some laps of each car

/// Gives each machine its number, as a partition does.
class Numbers {
 public:
  void complete(PointBatch& batch) {
    for (Point& point : batch.points) {
      const auto next = static_cast<std::uint32_t>(numbers_.size());
      point.series = point.machine = numbers_.try_emplace(point.series_hash, next).first->second;
    }
  }

 private:
  std::map<std::uint64_t, std::uint32_t> numbers_;
};

/// The demo's cars on their circuit, a dozen fields each.
class Field {
 public:
  PointBatch next(Schema& schema) {
    PointBatch batch;
    while (batch.points.size() < kBatchPoints) {
      const std::int64_t now = kStartNs + static_cast<std::int64_t>(field_.time_s() * 1e9);
      for (std::size_t car = 0; car < kCars; ++car) {
        add_field_point(batch, schema, field_, car, {now});
      }
      field_.step();
    }
    return batch;
  }

 private:
  RaceField field_{{.cars = kCars, .rate_hz = kRateHz}};
};

struct NoRejections final : RejectionSink {
  void rejected(std::size_t, const Rejection& rejection, std::string_view) override {
    throw std::runtime_error(rejection.message);
  }
};

/// A race as the game sent it; in each pass through it the game's sessions are others.
class Game {
 public:
  Game() {
    const auto capture = games_testing::read_kept_reference("f1_2025_race.cap");
    if (!capture) throw std::runtime_error("no f1_2025_race.cap");
    datagrams_ = games_testing::datagrams_of(*capture);
    for (auto& datagram : datagrams_) {
      datagram.bytes.reserve(datagram.bytes.size() + Decoder::kPadding);
      std::memcpy(&uids_.emplace_back(), datagram.bytes.data() + kUidAt, sizeof(std::uint64_t));
    }
    last_ = datagrams_.back().arrival.ns - datagrams_.front().arrival.ns + kNsPerSecond;
  }
  PointBatch next(Schema& schema) {
    if (!decoder_) decode_for(schema);
    for (;;) {
      auto& datagram = datagrams_[at_];
      const std::uint64_t uid = uids_[at_] + pass_;
      std::memcpy(datagram.bytes.data() + kUidAt, &uid, sizeof uid);
      decoder_->decode(datagram.bytes,
                       {.source = SourceKind::kUdp,
                        .arrival = {datagram.arrival.ns + static_cast<std::int64_t>(pass_) * last_},
                        .sender = 1},
                       rejections_);
      if (++at_ == datagrams_.size()) {
        at_ = 0;
        ++pass_;
      }
      PointBatchPtr& batch = writer_->open().front();
      if (!batch || batch->points.size() < kBatchPoints) continue;
      PointBatch taken = *batch;
      batch->clear();
      return taken;
    }
  }

 private:
  static constexpr std::size_t kUidAt = 7;

  void decode_for(Schema& schema) {
    writer_ = std::make_unique<BatchWriter>(1, pool_);
    builder_ = std::make_unique<PointBuilder>(schema, stats_, *writer_);
    filler_ = std::make_unique<DraftFiller>(*builder_);
    decoder_ = make_decoder("games", *filler_).value();
  }

  std::vector<games_testing::Datagram> datagrams_;
  std::vector<std::uint64_t> uids_;  // of their sessions
  std::int64_t last_ = 0;
  std::size_t at_ = 0;
  std::uint64_t pass_ = 1;
  IngestStats stats_;
  BatchPool pool_;
  NoRejections rejections_;
  std::unique_ptr<BatchWriter> writer_;
  std::unique_ptr<PointBuilder> builder_;
  std::unique_ptr<DraftFiller> filler_;
  std::unique_ptr<Decoder> decoder_;
};

/// Medians over batches, in nanoseconds a point.
struct Cost {
  double copy_ns = 0;
  double fold_ns = 0;
  double laps_ns = 0;
  double fields = 0;  ///< a point
  std::uint64_t laps = 0;
};

double median(std::vector<double>& of) {
  const auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
  std::ranges::nth_element(of, middle);
  return *middle;
}

template <typename Source>
Cost cost_of(Source source) {
  Schema schema;
  LapCounts counts;
  LapObserver observer(schema.fields(), nullptr, counts);
  WindowSet windows(default_windows(), PartitionId{});
  RollupBatch closed;
  ToldLaps told;
  Numbers numbers;
  Cost cost;
  std::vector<double> copies;
  std::vector<double> folds;
  std::vector<double> laps;
  std::uint64_t points = 0;
  std::uint64_t values = 0;
  std::string kept;
  const auto begin = Steady::now();
  const std::chrono::duration<double> wanted(trial_seconds(kSeconds));
  while (laps.size() < kFewestBatches || Steady::now() - begin < wanted) {
    PointBatch batch = source.next(schema);
    numbers.complete(batch);
    const auto count = static_cast<double>(batch.points.size());
    points += batch.points.size();
    values += batch.values.size();
    const auto timed = [&](std::vector<double>& into, const auto& what) {
      const auto from = Steady::now();
      what();
      into.push_back(std::chrono::duration<double, std::nano>(Steady::now() - from).count() /
                     count);
    };
    timed(copies, [&] {
      kept.assign(reinterpret_cast<const char*>(batch.points.data()),
                  batch.points.size() * sizeof(Point));
      kept.append(reinterpret_cast<const char*>(batch.values.data()),
                  batch.values.size() * sizeof(Value));
    });
    timed(folds, [&] {
      for (const Point& point : batch.points) windows.fold(batch, point, closed);
      closed.clear();
    });
    timed(laps, [&] {
      observer.observe(batch, batch.points);
      observer.take_told(told, false);
    });
    cost.laps += told.laps.size();
    told = {};
  }
  if (cost.laps == 0) throw std::runtime_error("no lap was told");
  cost.copy_ns = median(copies);
  cost.fold_ns = median(folds);
  cost.laps_ns = median(laps);
  cost.fields = static_cast<double>(values) / static_cast<double>(points);
  return cost;
}

std::string row(std::string_view name, const Cost& cost) {
  fmt::print("{:24} {:>8.0f} {:>10.1f} {:>10.1f} {:>10.1f} {:>12.2f}\n", name, cost.fields,
             cost.copy_ns, cost.fold_ns, cost.laps_ns, cost.laps_ns / cost.fold_ns);
  return fmt::format(
      R"({{"name":"{}","fields":{:.0f},"copy_ns":{:.1f},"fold_ns":{:.1f},"laps_ns":{:.1f},"laps_to_fold":{:.3f}}})",
      name, cost.fields, cost.copy_ns, cost.fold_ns, cost.laps_ns, cost.laps_ns / cost.fold_ns);
}

}  // namespace
}  // namespace slipstream::bench

int main(int argc, char** argv) {
  using namespace slipstream::bench;
  const Report report(argc, argv);
  fmt::print("{:24} {:>8} {:>10} {:>10} {:>10} {:>12}\n", "a point, in one thread", "fields",
             "copy ns", "fold ns", "laps ns", "laps to fold");
  std::string json = R"({"laps":[)";
  json += row("demo", cost_of(Field()));
  json += "," + row("f1_2025_race", cost_of(Game()));
  return report.finish(json + "]}");
}
