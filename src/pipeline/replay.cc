#include "pipeline/replay.h"

#include <algorithm>
#include <utility>

#include "codec/point_log_decoder.h"

namespace slipstream {
namespace {

Work work_of(LogEntry& entry, LogOffset base) {
  Work work{.offset = base + entry.index, .count = entry.count, .time = entry.time};
  work.replayed = true;
  switch (entry.kind) {
    case LogEntryKind::kPoints:
      work.batch = std::move(entry.points);
      break;
    case LogEntryKind::kClose:
    case LogEntryKind::kDefinitions:
      work.kind = Work::Kind::kClose;
      break;
    case LogEntryKind::kTick:
    case LogEntryKind::kKey:
      work.kind = Work::Kind::kTick;
      break;
  }
  return work;
}

/// Entries outside of [from, to) of points that lie across its ends go.
void trim(Work& work, LogOffset from, LogOffset to) {
  auto& points = work.batch->points;
  if (work.end() > to) points.resize(to - work.offset);
  if (work.offset < from) {
    points.erase(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(from - work.offset));
    work.offset = from;
  }
  work.count = points.size();
}

}  // namespace

Result<ReplaySummary> replay_log(Log& log, LogOffset from, LogOffset to, Schema& schema,
                                 BatchPool& pool, const ReplayTakers& takers) {
  ReplaySummary summary;
  if (from >= to) return summary;
  auto reader = log.read_from(from);
  if (!reader) return std::unexpected(reader.error());
  PointLogDecoder decoder(schema.fields(), pool);
  LogOffset expected = from;
  const auto expect = [&](LogOffset next, LogOffset after) {
    if (expected < next && takers.gap) takers.gap(expected, next);
    expected = std::max(expected, after);
  };
  while (true) {
    const auto block = (*reader)->next();
    if (!block) return std::unexpected(block.error());
    if (!*block || (*block)->base_offset >= to) break;
    const LogBlock& b = **block;
    if (auto opened = decoder.open(b.payload); !opened || decoder.count() != b.count) {
      summary.lost.push_back(
          {b.base_offset, b.end_offset(), std::string(b.file),
           opened ? "its entries are not as many as its head says" : opened.error().message});
      continue;
    }
    expect(b.base_offset, b.end_offset());
    LogEntry entry;
    while (decoder.next(entry)) {
      const LogOffset offset = b.base_offset + entry.index;
      if (offset + entry.count <= from || offset >= to) {
        if (entry.points) pool.put(std::move(entry.points));
        continue;
      }
      if (entry.kind == LogEntryKind::kKey) {
        summary.keys.push_back(
            {std::string(entry.key), entry.time, entry.status, std::string(entry.text)});
        if (takers.key) takers.key(summary.keys.back(), offset + 1);
        continue;
      }
      LogWork item{.partition = std::nullopt, .work = work_of(entry, b.base_offset)};
      if (entry.kind == LogEntryKind::kPoints) {
        item.partition = entry.partition;
        trim(item.work, from, to);
        summary.points += item.work.count;
      }
      takers.work(std::move(item));
    }
  }
  expect(to, to);
  const auto& lost = (*reader)->lost();
  summary.lost.insert(summary.lost.end(), lost.begin(), lost.end());
  return summary;
}

}  // namespace slipstream
