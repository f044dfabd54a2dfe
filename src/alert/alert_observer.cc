#include "alert/alert_observer.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace slipstream {
namespace {

constexpr std::uint8_t kVersion = 1;

Expression compiled(std::string_view text, PointInputs& inputs) {
  auto expression = Expression::compile(text, true, inputs);
  CHECK(expression.has_value(), "conditions are compiled before a server is started with them");
  return std::move(*expression);
}

}  // namespace

AlertObserver::AlertObserver(const std::vector<AlertRule>& rules, Schema& schema,
                             AlertCounts& counts)
    : inputs_(schema), counts_(counts) {
  for (const AlertRule& options : rules) {
    Expression when = compiled(options.when, inputs_);
    std::optional<Expression> clear;
    if (!options.clear.empty()) clear = compiled(options.clear, inputs_);
    FunctionMemories fresh;
    when.append_fresh(fresh);
    if (clear) clear->append_fresh(fresh);
    const std::int64_t clear_for_ns = clear ? clear->for_ns() : when.for_ns();
    rules_.push_back({.options = options,
                      .id = options.id(),
                      .when = std::move(when),
                      .clear = std::move(clear),
                      .clear_for_ns = clear_for_ns,
                      .fresh = std::move(fresh)});
  }
}

AlertObserver::Series AlertObserver::known(SeriesName name) const {
  Series series{.is_known = true, .name = std::move(name)};
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const SeriesName& its = series.name;
    if (!rules_[i].options.is_about(its.track(), its.chassis(), its.tags())) continue;
    series.watches.push_back({.rule = i, .memories = rules_[i].fresh});
  }
  return series;
}

AlertObserver::Series* AlertObserver::series_of(const PointBatch& batch, const Point& point) {
  const auto found = series_.find(point.series);
  if (found != series_.end() && found->second.is_known) return &found->second;
  if (found == series_.end() && series_.size() == kMostSeries) {
    counts_.not_followed.add();
    return nullptr;
  }
  return &(series_[point.series] = known({batch, point}));
}

void AlertObserver::observe(const PointBatch& batch, std::span<const Point> points) {
  if (rules_.empty()) return;
  for (const Point& point : points) {
    Series* const series = series_of(batch, point);
    if (series == nullptr || series->watches.empty()) continue;
    series->newest = point.event_time;
    inputs_.load(batch, point);
    for (Watch& watch : series->watches) look_at(*series, watch, point);
  }
}

bool AlertObserver::is_due(Watch& watch, bool is_true, std::int64_t for_ns, EventTime time) {
  if (!is_true) watch.since.reset();
  if (!is_true) return false;
  if (!watch.since || time < *watch.since) watch.since = time;
  return time.ns - watch.since->ns >= for_ns;
}

void AlertObserver::look_at(Series& series, Watch& watch, const Point& point) {
  Rule& rule = rules_[watch.rule];
  const std::span memories(watch.memories);
  const std::size_t of_when = rule.when.memory_count();
  // What functions remember goes on with every point, whichever condition is asked.
  const auto when = rule.when.evaluate(memories.first(of_when));
  std::optional<double> clear;
  if (rule.clear) {
    clear = rule.clear->evaluate(memories.subspan(of_when));
  } else if (when) {
    clear = *when == 0 ? 1 : 0;
  }
  if (watch.active.empty()) {
    if (when && is_due(watch, *when != 0, rule.when.for_ns(), point.event_time)) {
      raise(series, watch, point);
    }
  } else if (clear && is_due(watch, *clear != 0, rule.clear_for_ns, point.event_time)) {
    const auto value = value_of(rule);
    tell(series, watch, false, point.event_time, value,
         fmt::format("{} {}{}", rule.clear ? "again" : "no longer",
                     rule.clear ? rule.options.clear : rule.options.when,
                     value ? fmt::format(" ({} = {:.6g})", rule.when.first_name(), *value) : ""));
    watch.active.clear();
    watch.since.reset();
  }
}

std::optional<double> AlertObserver::value_of(const Rule& rule) const {
  const auto slot = rule.when.first_field();
  return inputs_.has(slot) ? std::optional(inputs_[slot]) : std::nullopt;
}

void AlertObserver::raise(const Series& series, Watch& watch, const Point& point) {
  const Rule& rule = rules_[watch.rule];
  const std::int64_t arrival_ms = floor_to_ms(point.arrival_time).ns / kNsPerMs;
  // Whatever their event times: what comes in one body may tell of one twice.
  const bool is_there_again = watch.raised_there > 0 && watch.raised_arrival_ms == arrival_ms;
  watch.raised_there = is_there_again ? watch.raised_there + 1 : 1;
  watch.raised_arrival_ms = arrival_ms;
  const std::string what =
      fmt::format("{} {:?} {:?} {:?} {} {} {}", rule.id, series.name.track(), series.name.chassis(),
                  series.name.tags(), point.event_time.ns, arrival_ms, watch.raised_there);
  watch.active = fmt::format("{:016x}", XXH3_64bits(what.data(), what.size()));
  watch.since.reset();
  const auto value = value_of(rule);
  tell(series, watch, true, point.event_time, value,
       value ? fmt::format("{} ({} = {:.6g})", rule.options.when, rule.when.first_name(), *value)
             : rule.options.when);
}

void AlertObserver::tell(const Series& series, const Watch& watch, bool is_raised, EventTime time,
                         std::optional<double> value, std::string message) {
  const Rule& rule = rules_[watch.rule];
  told_.push_back({.id = watch.active,
                   .rule = rule.id,
                   .name = rule.options.name,
                   .severity = rule.options.severity,
                   .is_raised = is_raised,
                   .track = std::string(series.name.track()),
                   .chassis = std::string(series.name.chassis()),
                   .tags = std::string(series.name.tags()),
                   .time = time,
                   .value = value,
                   .message = std::move(message)});
}

void AlertObserver::forget(std::uint32_t number) {
  const auto found = series_.find(number);
  if (found == series_.end()) return;
  const Series& series = found->second;
  for (const Watch& watch : series.watches) {
    if (watch.active.empty()) continue;
    tell(series, watch, false, series.newest, std::nullopt,
         "cleared: the machine was forgotten, since there are too many (MAX_SERIES)");
  }
  series_.erase(found);
}

void AlertObserver::take_alerts(std::vector<Alert>& into) {
  std::ranges::move(told_, std::back_inserter(into));
  told_.clear();
}

void AlertObserver::clear() {
  series_.clear();
  told_.clear();
}

void AlertObserver::save(std::string& out) const {
  ByteWriter writer(out);
  writer.fixed(kVersion);
  for (const auto& [number, series] : series_) {
    writer.varint(number);
    writer.flag(!series.is_idle());
    if (series.is_idle()) continue;
    writer.text(series.name.track());
    writer.text(series.name.chassis());
    writer.text(series.name.tags());
    writer.fixed(series.newest.ns);
    writer.varint(static_cast<std::uint64_t>(std::ranges::count_if(
        series.watches, [](const Watch& watch) { return !watch.is_idle(); })));
    for (const Watch& watch : series.watches) {
      if (watch.is_idle()) continue;
      std::string bytes;
      ByteWriter inner(bytes);
      inner.flag(watch.since.has_value());
      inner.fixed(watch.since.value_or(EventTime{}).ns);
      inner.text(watch.active);
      inner.fixed(watch.raised_arrival_ms);
      inner.fixed(watch.raised_there);
      for (const FunctionMemory& memory : watch.memories) slipstream::save(memory, inner);
      writer.text(rules_[watch.rule].id);
      writer.text(bytes);
    }
  }
}

Result<void> AlertObserver::restore(std::string_view bytes) {
  clear();
  const auto damaged = fail("damaged", ErrorCode::kCorrupt);
  ByteReader in(bytes);
  if (in.fixed<std::uint8_t>() != kVersion) {
    return fail("not of a known version", ErrorCode::kVersion);
  }
  while (in.ok() && in.left() > 0) {
    const auto number = static_cast<std::uint32_t>(in.varint());
    if (!in.flag()) {
      series_[number];
      continue;
    }
    const std::string_view track = in.text();
    const std::string_view chassis = in.text();
    const std::string_view tags = in.text();
    Series series = known({track, chassis, tags});
    series.newest = {in.fixed<std::int64_t>()};
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
      const std::string_view id = in.text();
      ByteReader inner(in.text());
      const auto watch = std::ranges::find_if(
          series.watches, [&](const Watch& one) { return rules_[one.rule].id == id; });
      // Its rule is another one by now, or gone: whoever opened the store has cleared it.
      if (!in.ok() || watch == series.watches.end()) continue;
      const bool has_since = inner.flag();
      const EventTime since{inner.fixed<std::int64_t>()};
      if (has_since) watch->since = since;
      watch->active = inner.text();
      watch->raised_arrival_ms = inner.fixed<std::int64_t>();
      watch->raised_there = inner.fixed<std::uint32_t>();
      for (FunctionMemory& memory : watch->memories) slipstream::restore(memory, inner);
      if (!inner.at_end()) return damaged;
    }
    if (!in.ok()) break;
    series_.insert_or_assign(number, std::move(series));
  }
  return in.ok() ? Result<void>{} : damaged;
}

}  // namespace slipstream
