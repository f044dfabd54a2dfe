#include "app/store_writer_component.h"

#include <fmt/format.h>

#include <limits>

#include "app/recovery.h"
#include "ops/logging.h"
#include "store/schema_sql.h"

namespace slipstream {
namespace {

constexpr std::int64_t kLongReadNs = 60 * kNsPerSecond;

}  // namespace

Result<std::unique_ptr<StoreWriterComponent>> StoreWriterComponent::open(
    DurableParts& durable, std::vector<RollupSink*> committed, const EventSinks& events,
    IoThread& queries) {
  std::unique_ptr<StoreWriterComponent> component(new StoreWriterComponent(durable, queries));
  durable.store_writer = std::make_unique<StoreWriter>(
      *durable.store, std::move(committed), durable.clock,
      [](const std::string& text) { log_warn(text); },
      StoreWriterOptions{.has_log = durable.config.has_segment_log()});
  durable.store_writer->send_marks_to(events.marks);
  durable.store_writer->send_laps_to(events.laps);
  durable.store_writer->send_alerts_to(events.alerts);
  if (auto opened = open_log(durable); !opened) return std::unexpected(opened.error());
  component->data_watch_.begin();

  auto stored = durable.store->load();
  if (!stored) return std::unexpected(stored.error());
  durable.store_writer->begin(
      [&durable] {
        return durable.config.has_segment_log() ? durable.log->synced_offset()
                                                : std::numeric_limits<LogOffset>::max();
      },
      *stored);
  component->thread_ = std::make_unique<AgentThread>("store", *durable.store_writer);
  return component;
}

StoreWriterComponent::StoreWriterComponent(DurableParts& durable, IoThread& queries)
    : durable_(durable), queries_(queries), data_watch_(durable) {}

void StoreWriterComponent::start() {
  queries_.every(std::chrono::milliseconds(DataWatch::kIntervalMs), [this] { data_watch_.look(); });
}

bool StoreWriterComponent::flush() {
  thread_->stop(false);
  return durable_.store_writer->flush();
}

bool StoreWriterComponent::stop() {
  return flush() || durable_.config.has_segment_log();
}

void StoreWriterComponent::health(HealthPage& page) const {
  const bool has_log = durable_.config.has_segment_log();
  const auto& stats = durable_.store_writer->stats();
  const auto damage = durable_.store->damage();
  const WalState wal = durable_.store->wal();
  if (const auto gone = data_watch_.trouble()) {
    page.problem(ProblemArea::kData,
                 fmt::format("data: {}: {} until it is back, or the server is started again", *gone,
                             has_log ? "nothing is acknowledged" : "rollups are not stored"));
  }
  if (damage) {
    page.problem(ProblemArea::kStore,
                 fmt::format("store: {} is damaged ({}): {}",
                             (durable_.config.store.data_dir / kStoreFile).string(), *damage,
                             kStoreDamageAdvice));
  }
  if (stats.failing.value() != 0) {
    page.problem(
        ProblemArea::kStore,
        fmt::format("store: rollups cannot be written, {} are waiting", stats.waiting.value()));
  }
  if (wal.held_ns >= kLongReadNs) {
    page.notice(fmt::format(
        "store: {} has held a read of slipstream.db for {} s: its write-ahead log is {} MiB and "
        "grows until that ends; end the query, or the process",
        wal.reader.empty() ? "somebody" : wal.reader, wal.held_ns / kNsPerSecond, wal.bytes >> 20));
  }
  auto store = page.object("store");
  store.number("written", stats.written.value());
  store.number("waiting", stats.waiting.value());
  store.number("repeated", stats.repeated.value());
  store.number("marks", stats.marks.value());
  store.number("alerts", stats.alerts.value());
  store.flag("failing", stats.failing.value() != 0);
  store.flag("damaged", damage.has_value());
  store.number("walBytes", wal.bytes);
  store.number("walHeldSeconds", wal.held_ns / kNsPerSecond);
  store.text("walHeldBy", wal.reader);
}

void StoreWriterComponent::metrics(MetricsPage& page) const {
  const auto& store = durable_.store_writer->stats();
  page.counter("store_rollups_written_total", "Rollups written to SQLite",
               real(store.written.value()));
  page.counter("store_write_failures_total", "Transactions that failed",
               real(store.failed_writes.value()));
  page.counter("store_rollups_repeated_total", "Rollups that came again, dropped",
               real(store.repeated.value()));
  page.counter("store_alerts_written_total", "Alerts written to SQLite, raised and cleared",
               real(store.alerts.value()));
  page.counter("store_marks_written_total", "Marks written to SQLite", real(store.marks.value()));
  page.counter("store_commits_total", "Transactions committed", real(store.commits.value()));
  page.counter("checkpoints_total", "Checkpoints committed", real(store.checkpoints.value()));
  page.histogram("store_commit_seconds", "A transaction's time", store.commit_time);
  page.gauge("store_outputs_waiting", "Outputs of partitions waiting to be committed",
             real(store.waiting.value()));
  const WalState wal = durable_.store->wal();
  page.gauge("store_wal_bytes", "The store's write-ahead log", real(wal.bytes));
  page.gauge("store_wal_held_seconds", "For how long a reader has kept it from being cut",
             real(wal.held_ns) * 1e-9);
  page.gauge("store_damaged", "1: damage of the store's file was met",
             durable_.store->damage() ? 1 : 0);
}

void StoreWriterComponent::progress(StopProgress& progress) const {
  const StoreWriter& writer = *durable_.store_writer;
  const std::uint64_t rows = durable_.store->rows_written();
  progress.is_committing = writer.is_committing();
  progress.rows += rows;
  progress.rows_left += writer.rows_left();
  progress.steps += rows;
}

}  // namespace slipstream
