#include "app/history_component.h"

#include <utility>

#include "app/recovery.h"
#include "derive/derived_fields.h"

namespace slipstream {
namespace {

/// With the derived fields that are told by a point as the log has it.
SchemaOptions derived_schema(const Config& config) {
  Schema all(config.schema);
  SchemaOptions alone = config.schema;
  alone.derived = derived_of_a_point_alone(all);
  return alone;
}

}  // namespace

HistoryComponent::Open::Open(const Parts& parts, HistoryWorker& worker)
    : indexes(parts.durable.files, log_folder(parts.durable.config)),
      pinned(parts.durable.files, pinned_folder(parts.durable.config),
             log_folder(parts.durable.config), indexes,
             parts.durable.config.durability.pinned_limit()),
      history(PointReader(
                  parts.durable.files, log_folder(parts.durable.config),
                  [&durable = parts.durable] { return durable.log->synced_segments(); }, indexes,
                  parts.durable.clock, {}, &pinned, derived_schema(parts.durable.config)),
              names_of(parts.durable.config),
              [&durable = parts.durable](std::string name, std::string text) {
                // Where the store is behind it is learned once more after a restart.
                if (!durable.store_writer->has_room()) return;
                Output output;
                output.track_lines.emplace_back(std::move(name), std::move(text));
                durable.store_writer->accept(std::move(output));
              }),
      indexer(indexes, *parts.durable.log, &pinned),
      recordings({.durable = parts.durable,
                  .journal = parts.journal,
                  .book = parts.book,
                  .io = parts.io,
                  .queries = parts.queries,
                  .worker = worker,
                  .identity = parts.identity}) {}

HistoryComponent::HistoryComponent(Parts parts)
    : parts_(std::move(parts)),
      open_(parts_.durable.config.has_segment_log() ? std::make_unique<Open>(parts_, worker_)
                                                    : nullptr),
      pins_({.clock = parts_.durable.clock,
             .book = parts_.book,
             .queries = parts_.queries,
             .worker = worker_,
             .log = parts_.durable.log.get(),
             .kept = open_ ? &open_->pinned : nullptr,
             .indexer = open_ ? &open_->indexer : nullptr,
             .session_gap_ns = parts_.durable.config.racing.session_gap_ns()}) {}

Result<std::unique_ptr<HistoryComponent>> HistoryComponent::open(Parts parts) {
  std::unique_ptr<HistoryComponent> component(new HistoryComponent(std::move(parts)));
  if (component->open_) {
    if (auto opened = component->open_->pinned.open(); !opened) {
      return std::unexpected(opened.error());
    }
    component->parts_.durable.log->keep_by(component->open_->pinned);
  }
  return component;
}

HistoryNames HistoryComponent::names_of(const Config& config) {
  HistoryNames names;
  names.distance = config.schema.well_known[field::kLapdistM];
  names.speed = config.schema.well_known[field::kSpeedKmh];
  const auto& racing = config.racing;
  if (!racing.latitude.empty() && !racing.longitude.empty()) {
    names.latitude_longitude = {{racing.latitude, racing.longitude}};
  }
  return names;
}

void HistoryComponent::start() {
  if (!open_) return;
  worker_.start([this](const std::stop_token& stop) { open_->history.keep_up(stop); });
  pins_.start();
  open_->indexer.start();
}

bool HistoryComponent::stop() {
  if (!open_) return true;
  open_->indexer.stop();
  worker_.stop();
  return true;
}

void HistoryComponent::routes(HttpServer& http) {
  if (!open_) {
    add_no_history_routes(http);
    return;
  }
  const Config& config = parts_.durable.config;
  add_history_routes(http, {.book = parts_.book,
                            .queries = parts_.queries,
                            .worker = worker_,
                            .history = open_->history,
                            .sectors = *parts_.durable.sectors,
                            .clock = parts_.durable.clock,
                            .texts = config.server.csv_raw ? CsvTexts::kRaw : CsvTexts::kGuarded,
                            .names = names_of(config),
                            .session_gap_ns = config.racing.session_gap_ns()});
}

void HistoryComponent::health(HealthPage& page) const {
  if (!open_) return;
  const auto& stats = open_->indexes.stats();
  if (open_->indexer.is_failing()) {
    page.notice("history: the log's indexes cannot be written; recorded laps are read more slowly");
  }
  auto history = page.object("history");
  history.number("segments", stats.sealed.value());
  history.number("indexed", stats.indexed.value());
  history.number("damaged", stats.damaged.value());
  history.number("indexBytes", stats.bytes.value());
  history.number("waiting", worker_.stats().waiting.value());
  const auto& kept = open_->pinned.stats();
  if (kept.dropped.value() > 0) {
    page.notice(fmt::format(
        "history: pinned sessions need more than the {} bytes that PINNED_MAX_BYTES allows: {} of "
        "their segments went with the log's retention",
        open_->pinned.max_bytes(), kept.dropped.value()));
  }
  if (kept.failing.value() != 0) {
    page.notice(
        "history: what pinned sessions need cannot be moved to the folder 'pinned', so the log's "
        "retention stands still: see that the folder can be written, and the disk is not full");
  }
  if (kept.unexplained.value() > 0) {
    page.notice(fmt::format(
        "history: {} segments in the folder 'pinned' are of no session that is pinned now, and "
        "nobody let go of them: they stay (pin that session again, or remove them by hand)",
        kept.unexplained.value()));
  }
  ObjectWriter pinned(history.key("pinned"));
  pinned.number("segments", kept.segments.value());
  pinned.number("bytes", kept.bytes.value());
}

void HistoryComponent::metrics(MetricsPage& page) const {
  if (!open_) return;
  const auto& stats = open_->indexes.stats();
  const auto& worker = worker_.stats();
  page.counter("history_queries_total", "Questions about recorded laps that were answered",
               real(worker.queries.value()));
  page.counter("history_queries_refused_total", "Such questions that found too many waiting",
               real(worker.turned_away.value()));
  page.histogram("history_query_seconds", "Such a question's time, without its wait", worker.time);
  page.gauge("history_index_bytes", "The indexes of the log's segments", real(stats.bytes.value()));
  page.gauge("history_segments", "Sealed segments of the log", real(stats.sealed.value()));
  page.gauge("history_segments_indexed", "Sealed segments with an index",
             real(stats.indexed.value()));
  page.gauge("history_pinned_bytes", "Segments kept for pinned sessions beyond the log's retention",
             real(open_->pinned.stats().bytes.value()));
  page.counter("history_pinned_dropped_total",
               "Segments that pinned sessions needed and there was no room for",
               real(open_->pinned.stats().dropped.value()));
  page.counter("history_indexes_untrue_total", "Indexes that were found damaged or wrong",
               real(stats.untrue.value()));
}

}  // namespace slipstream
