#pragma once
#include <fmt/format.h>

#include <bit>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/point_log_decoder.h"
#include "codec/point_log_encoder.h"

namespace slipstream::point_log_testing {

/// What the log keeps of a point, all of it.
inline std::string describe(const PointBatch& batch, const Point& p, const Schema& schema) {
  const std::int64_t ms = p.arrival_time.ns / kNsPerMs - (p.arrival_time.ns % kNsPerMs < 0 ? 1 : 0);
  auto text = fmt::format(
      "{} of {} {{{}}} ({:x}) at {}, here at {} from {}, lap {}{}, sector {}{}, number {} {}",
      batch.chassis(p), batch.track(p), batch.tags(p),
      series_hash(batch.track(p), batch.chassis(p)), p.event_time.ns, ms,
      static_cast<int>(p.source), p.lap, p.lap_is_fault ? "!" : "", p.sector,
      p.sector_derived ? "!" : "", p.has_sequence, p.has_sequence ? p.sequence : 0);
  for (auto v = batch.values_begin(p); v != batch.values_end(p); ++v) {
    text += fmt::format(" {}={:x}", schema.fields().name(v->field),
                        std::bit_cast<std::uint64_t>(v->value));
  }
  if (!p.has_texts) return text;
  return text + fmt::format(" {} <{}>", batch.json(p), batch.str(p.lap_literal));
}

/// One text an offset, but for a void, which is one.
inline void describe(const LogEntry& entry, const Schema& schema, std::vector<std::string>& out) {
  if (entry.kind != LogEntryKind::kPoints) {
    out.push_back(fmt::format("{} of {} at {}: {} {} {}", static_cast<int>(entry.kind), entry.count,
                              entry.time.ns, entry.key, entry.status, entry.text));
    return;
  }
  for (const Point& p : entry.points->points) {
    out.push_back(fmt::format("{}: {}", entry.partition, describe(*entry.points, p, schema)));
  }
}

/// The entries' views are into `payload`.
inline Result<std::vector<LogEntry>> read_back(std::string_view payload, Schema& schema) {
  BatchPool pool;
  PointLogDecoder decoder(schema.fields(), pool);
  if (auto opened = decoder.open(payload); !opened) return std::unexpected(opened.error());
  std::vector<LogEntry> entries;
  for (LogEntry entry; decoder.next(entry);) entries.push_back(std::move(entry));
  return entries;
}

}  // namespace slipstream::point_log_testing
