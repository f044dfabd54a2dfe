// What it costs to compute derived fields of points, and to watch conditions over them, beside the
// fold of the same points in three windows, which is what each costs anyway: a hundred expressions,
// once without functions that remember, once with some. docs/performance.md says how to read it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "alert/alert_observer.h"
#include "derive/derived_fields.h"
#include "field_points.h"
#include "racing/race_field.h"
#include "report.h"
#include "trial_size.h"
#include "window/window_set.h"

namespace slipstream::bench {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kCars = 20;
constexpr std::size_t kExpressions = 100;
constexpr std::size_t kBatchPoints = 200;
constexpr std::int64_t kStartNs = 1'757'032'100 * kNsPerSecond;
constexpr double kSeconds = 3;

/// The demo's cars on their circuit, a dozen fields each.
class Field {
 public:
  PointBatch next(Schema& schema) {
    PointBatch batch;
    while (batch.points.size() < kBatchPoints) {
      const std::int64_t now = kStartNs + static_cast<std::int64_t>(field_.time_s() * 1e9);
      for (std::uint32_t car = 0; car < kCars; ++car) {
        add_field_point(batch, schema, field_, car, {now});
        batch.points.back().series = batch.points.back().machine = car;
      }
      field_.step();
    }
    return batch;
  }

 private:
  RaceField field_{{.cars = kCars, .rate_hz = 50}};
};

std::vector<DerivedField> expressions(bool remember) {
  const char* const kPlain[] = {"speed_kmh / 3.6 + {}", "abs(accx_can) + abs(accy_can) * {}",
                                "hypot(accx_can, accy_can) > {}",
                                "if(pbrake_f > {}, speed_kmh, rpm)",
                                "rpm / max(speed_kmh, 1) * {}"};
  const char* const kRemembering[] = {"rate(speed_kmh) + {}", "mean(rpm, 1s) + {}",
                                      "delta_lap(speed_kmh) + {}"};
  std::vector<DerivedField> derived;
  for (std::size_t i = 0; i < kExpressions; ++i) {
    const bool is_remembering = remember && i % 10 < 3;
    derived.push_back(
        {.name = fmt::format("d{}", i),
         .expression = fmt::format(
             fmt::runtime(is_remembering ? kRemembering[i % 10] : kPlain[i % std::size(kPlain)]),
             i)});
  }
  return derived;
}

SchemaOptions options(bool remember) {
  SchemaOptions options;
  options.derived = expressions(remember);
  return options;
}

std::vector<AlertRule> conditions() {
  std::vector<AlertRule> rules;
  for (std::size_t i = 0; i < kExpressions; ++i) {
    rules.push_back({.name = fmt::format("a{}", i),
                     .when = fmt::format("speed_kmh > {} and rpm > 9000 for 1s", 200 + i)});
  }
  return rules;
}

/// The median of batches, in nanoseconds a point. `prepare` is not counted.
double measure(Schema& schema, const std::function<void(PointBatch&)>& prepare,
               const std::function<void(PointBatch&)>& work) {
  Field field;
  std::vector<double> taken;
  const auto begin = Steady::now();
  while (taken.size() < 100 ||
         std::chrono::duration<double>(Steady::now() - begin).count() < trial_seconds(kSeconds)) {
    PointBatch batch = field.next(schema);
    prepare(batch);
    const auto began = Steady::now();
    work(batch);
    taken.push_back(std::chrono::duration<double, std::nano>(Steady::now() - began).count() /
                    static_cast<double>(batch.points.size()));
  }
  std::ranges::nth_element(taken, taken.begin() + static_cast<std::ptrdiff_t>(taken.size() / 2));
  return taken[taken.size() / 2];
}

struct Derive {
  explicit Derive(Schema& schema) : fields(std::move(*DerivedFields::compile(schema))) {
    memories.assign(kCars, fields->fresh());
  }
  void operator()(PointBatch& batch) {
    for (Point& point : batch.points) {
      members.clear();
      fields->compute(batch, point, memories[point.series], writes_text ? &members : nullptr);
    }
  }
  std::unique_ptr<DerivedFields> fields;
  std::vector<FunctionMemories> memories;
  std::string members;
  bool writes_text = true;
};

struct Fold {
  WindowSet windows{default_windows(), {}};
  RollupBatch closed;
  void operator()(PointBatch& batch) {
    for (const Point& point : batch.points) windows.fold(batch, point, closed);
    closed.clear();
  }
};

int run(const Report& report) {
  Schema plain;
  Schema deriving(options(false));
  Schema remembering(options(true));
  const auto nothing = [](PointBatch&) {};
  Fold fold;
  const double fold_ns = measure(plain, nothing, [&](PointBatch& batch) { fold(batch); });
  Derive derive(deriving);
  const double derive_ns = measure(deriving, nothing, [&](PointBatch& batch) { derive(batch); });
  Derive without_text(deriving);
  without_text.writes_text = false;
  const double numbers_ns =
      measure(deriving, nothing, [&](PointBatch& batch) { without_text(batch); });
  Derive remember(remembering);
  const double remember_ns =
      measure(remembering, nothing, [&](PointBatch& batch) { remember(batch); });
  Derive before(deriving);
  Fold wide;
  const double wide_ns = measure(
      deriving, [&](PointBatch& batch) { before(batch); }, [&](PointBatch& batch) { wide(batch); });
  AlertCounts counts;
  AlertObserver observer(conditions(), plain, counts);
  std::vector<Alert> told;
  const double alerts_ns = measure(plain, nothing, [&](PointBatch& batch) {
    observer.observe(batch);
    observer.take_alerts(told);
    told.clear();
  });
  fmt::print("{:44} {:>8} {:>8}\n", "a point, in one thread", "ns", "x fold");
  const std::pair<const char*, double> rows[] = {
      {"fold of its dozen fields in three windows", fold_ns},
      {"fold of these and a hundred derived ones", wide_ns},
      {"a hundred expressions", numbers_ns},
      {"the same, and their members in JSON", derive_ns},
      {"the same, thirty of which remember", remember_ns},
      {"a hundred alerts", alerts_ns}};
  for (const auto& [name, ns] : rows) fmt::print("{:44} {:8.0f} {:8.2f}\n", name, ns, ns / fold_ns);
  return report.finish(fmt::format(
      R"({{"fold_ns":{:.1f},"fold_derived_ns":{:.1f},"numbers_ns":{:.1f},"derive_ns":{:.1f},)"
      R"("remember_ns":{:.1f},"alerts_ns":{:.1f}}})",
      fold_ns, wide_ns, numbers_ns, derive_ns, remember_ns, alerts_ns));
}

}  // namespace
}  // namespace slipstream::bench

int main(int argc, char** argv) {
  return slipstream::bench::run(slipstream::bench::Report(argc, argv));
}
