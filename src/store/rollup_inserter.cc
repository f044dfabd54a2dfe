#include "store/rollup_inserter.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "codec/rollup_json.h"
#include "store/schema_sql.h"
#include "store/store_views.h"

namespace slipstream {
namespace {

constexpr std::size_t kHalfId = 8;

/// Steps once, and makes the statement ready for the next time.
Result<bool> is_found(Statement& statement) {
  const auto found = statement.step();
  statement.reset();
  return found;
}

}  // namespace

Result<RollupInserter> RollupInserter::prepare(Database& writer, const FieldTable& fields) {
  RollupInserter inserter(writer, fields);
  auto numbers = RollupNumbers::prepare(writer);
  if (!numbers) return std::unexpected(numbers.error());
  inserter.numbers_ = std::make_unique<RollupNumbers>(std::move(*numbers));
  const std::pair<Statement*, std::string_view> statements[] = {
      {&inserter.insert_,
       "INSERT INTO packed_rollups VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)"},
      {&inserter.find_id_,
       "SELECT 1 FROM packed_rollups WHERE window_id_head = ?1 AND window_id_tail = ?2"},
      {&inserter.find_out_,
       "SELECT 1 FROM packed_rollups INDEXED BY packed_rollups_by_series WHERE series = ?2 AND "
       "window = ?1 AND last_ns >= ?10 AND last_ns - span_ns <= ?9 AND (lap = ?4 OR NOT ?5) AND "
       "(sector = ?6 OR NOT ?7) AND late = ?8 AND partition = ?11 AND sequence > ?12 AND sequence "
       "<= ?13 LIMIT 1"}};
  for (const auto& [statement, sql] : statements) {
    auto prepared = writer.prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  if (auto done = inserter.prepare_unpacked(); !done) return std::unexpected(done.error());
  return inserter;
}

Result<void> RollupInserter::prepare_unpacked() {
  const auto has_unpacked = has_unpacked_rollups(*writer_);
  if (!has_unpacked) return std::unexpected(has_unpacked.error());
  has_unpacked_ = *has_unpacked;
  if (!has_unpacked_) return {};
  const std::pair<Statement*, std::string_view> statements[] = {
      {&find_id_unpacked_, "SELECT 1 FROM unpacked_rollups WHERE window_id = ?1"},
      {&find_out_unpacked_,
       "SELECT 1 FROM unpacked_rollups WHERE window = ?1 AND track = ?2 AND chassis = ?3 AND (lap "
       "= ?4 OR NOT ?5) AND (sector = ?6 OR NOT ?7) AND late = ?8 AND first_ns <= ?9 AND last_ns "
       ">= ?10 AND partition = ?11 AND sequence > ?12 AND sequence <= ?13 AND tags = ?14 LIMIT 1"},
      {&next_row_,
       "SELECT 1 + max(coalesce((SELECT max(id) FROM packed_rollups), 0), coalesce((SELECT "
       "max(id) FROM unpacked_rollups), 0))"},
      {&oldest_unpacked_,
       "SELECT id, window, window_id, track, chassis, tags, lap, sector, count, first_ns, last_ns, "
       "partition, sequence, late, stats FROM unpacked_rollups ORDER BY id LIMIT ?1"},
      {&remove_unpacked_, "DELETE FROM unpacked_rollups WHERE id <= ?1"}};
  for (const auto& [statement, sql] : statements) {
    auto prepared = writer_->prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return {};
}

Result<void> RollupInserter::forget() {
  numbers_->forget();
  return prepare_unpacked();
}

Result<bool> RollupInserter::has_window_id(std::string_view window_id) {
  find_id_.bind_blob(1, window_id.data(), kHalfId)
      .bind_blob(2, window_id.data() + kHalfId, window_id.size() - kHalfId);
  auto found = is_found(find_id_);
  if (!found || *found || !has_unpacked_) return found;
  find_id_unpacked_.bind_blob(1, window_id.data(), window_id.size());
  return is_found(find_id_unpacked_);
}

Result<bool> RollupInserter::may_be_in(const Rollup& rollup, const SequenceRange& those) {
  const auto window = numbers_->window(rollup.window);
  if (!window) return std::unexpected(window.error());
  const auto series = numbers_->known_series(rollup.track, rollup.chassis, rollup.tags);
  if (!series) return std::unexpected(series.error());
  for (Statement* const find : {&find_out_, &find_out_unpacked_}) {
    const bool is_packed = find == &find_out_;
    if (!is_packed && !has_unpacked_) break;
    if (is_packed) {
      find->bind(1, *window).bind(2, *series);
    } else {
      find->bind(1, rollup.window).bind(2, rollup.track).bind(3, rollup.chassis);
      find->bind(14, rollup.tags);
    }
    find->bind(4, rollup.lap)
        .bind(5, std::int64_t{rollup.key_lap})
        .bind(6, rollup.sector)
        .bind(7, std::int64_t{rollup.key_sector})
        .bind(8, std::int64_t{rollup.late})
        .bind(9, rollup.first_time.ns)
        .bind(10, rollup.last_time.ns)
        .bind(11, rollup.partition.to_number())
        .bind(12, static_cast<std::int64_t>(those.after))
        .bind(13, static_cast<std::int64_t>(those.last));
    const auto found = is_found(*find);
    if (!found || *found) return found;
  }
  return false;
}

Result<bool> RollupInserter::has(const Rollup& rollup) {
  for (const SequenceRange& those : rollup.may_repeat) {
    const auto found = may_be_in(rollup, those);
    if (!found || *found) return found;
  }
  return has_window_id(
      {reinterpret_cast<const char*>(rollup.window_id.data()), rollup.window_id.size()});
}

Result<RollupRow> RollupInserter::put(const Rollup& r) {
  const auto is_there = has(r);
  if (!is_there) return std::unexpected(is_there.error());
  if (*is_there) return 0;
  std::int64_t id = 0;
  if (has_unpacked_) {
    const auto next = next_row_.step();
    id = next && *next ? next_row_.integer(0) : 0;
    next_row_.reset();
    if (!next) return std::unexpected(next.error());
  }
  std::string stats;
  append_rollup_stats(stats, r, *fields_);
  const auto done =
      insert({.id = id,
              .window = r.window,
              .window_id = {reinterpret_cast<const char*>(r.window_id.data()), r.window_id.size()},
              .track = r.track,
              .chassis = r.chassis,
              .tags = r.tags,
              .lap = r.lap,
              .sector = r.sector,
              .count = static_cast<std::int64_t>(r.count),
              .first_ns = r.first_time.ns,
              .last_ns = r.last_time.ns,
              .partition = r.partition.to_number(),
              .sequence = static_cast<std::int64_t>(r.sequence),
              .late = r.late ? 1 : 0,
              .stats = stats});
  if (!done) return std::unexpected(done.error());
  return writer_->last_row();
}

Result<void> RollupInserter::insert(const Row& row) {
  const auto window = numbers_->window(row.window);
  if (!window) return std::unexpected(window.error());
  const auto series = numbers_->series(row.track, row.chassis, row.tags);
  if (!series) return std::unexpected(series.error());
  const RollupNumbers::Layout* layout = nullptr;
  std::string packed;
  if (matrix_.read(row.stats)) {
    const auto given = numbers_->layout(matrix_.fields(), matrix_.statistics(), matrix_.places());
    if (!given) return std::unexpected(given.error());
    layout = *given;
  }
  if (row.id != 0) insert_.bind(1, row.id);
  insert_.bind(2, *window).bind(3, *series).bind(4, row.lap).bind(5, row.sector);
  insert_.bind(6, row.count).bind(7, row.last_ns).bind(8, row.last_ns - row.first_ns);
  insert_.bind(9, row.partition).bind(10, row.sequence).bind(11, row.late);
  insert_.bind_blob(12, row.window_id.data(), kHalfId)
      .bind_blob(13, row.window_id.data() + kHalfId, row.window_id.size() - kHalfId);
  if (layout != nullptr) {
    packed = matrix_.pack(static_cast<std::uint64_t>(row.count), layout->places);
    insert_.bind(14, layout->number).bind_blob(15, packed.data(), packed.size());
  } else {
    insert_.bind(15, row.stats);
  }
  return insert_.run();
}

Result<std::size_t> RollupInserter::pack_some(std::int64_t rows) {
  if (!has_unpacked_) return 0;
  oldest_unpacked_.bind(1, rows);
  std::size_t packed = 0;
  std::int64_t last = 0;
  Result<void> done;
  while (done) {
    const auto found = oldest_unpacked_.step();
    if (!found) done = std::unexpected(found.error());
    if (!found || !*found) break;
    const Statement& from = oldest_unpacked_;
    last = from.integer(0);
    // A row whose window_id is damaged is one that cannot be packed: `store rebuild` drops it.
    if (from.blob(2).size() != 2 * kHalfId) {
      done = fail(fmt::format("row {} of the rollups makes no sense", last), ErrorCode::kCorrupt);
      break;
    }
    done = insert({.id = last,
                   .window = from.text(1),
                   .window_id = from.blob(2),
                   .track = from.text(3),
                   .chassis = from.text(4),
                   .tags = from.text(5),
                   .lap = from.integer(6),
                   .sector = from.integer(7),
                   .count = from.integer(8),
                   .first_ns = from.integer(9),
                   .last_ns = from.integer(10),
                   .partition = from.integer(11),
                   .sequence = from.integer(12),
                   .late = from.integer(13),
                   .stats = from.text(14)});
    ++packed;
  }
  oldest_unpacked_.reset();
  if (done && packed > 0) done = remove_unpacked_.bind(1, last).run();
  if (done && packed < static_cast<std::size_t>(rows)) done = end_unpacked();
  if (!done) return std::unexpected(done.error());
  return packed;
}

Result<void> RollupInserter::end_unpacked() {
  for (Statement* const statement : {&find_id_unpacked_, &find_out_unpacked_, &next_row_,
                                     &oldest_unpacked_, &remove_unpacked_}) {
    *statement = {};
  }
  has_unpacked_ = false;
  if (auto dropped = writer_->execute("DROP TABLE unpacked_rollups"); !dropped) return dropped;
  return bring_views_up_to_date(*writer_);
}

}  // namespace slipstream
