#include "pipeline/log_repacker.h"

#include <bit>
#include <functional>
#include <utility>

#include "base/bytes.h"

namespace slipstream {
namespace {

std::unexpected<Error> cannot(const char* why) {
  return fail(why, ErrorCode::kRefused);
}

void mix_in(std::uint64_t& sum, std::string_view bytes) {
  sum = (std::rotl(sum, 23) ^ std::hash<std::string_view>{}(bytes)) * 0x9E3779B97F4A7C15;
}

/// All that the log keeps of a point.
void write_point(ByteWriter& out, const PointBatch& batch, const Point& p) {
  out.fixed(p.event_time.ns);
  out.fixed(p.arrival_time.ns);
  out.fixed(p.series_hash);
  out.text(batch.track(p));
  out.text(batch.chassis(p));
  out.text(batch.tags(p));
  out.fixed(p.sequence);
  out.fixed(p.sector);
  out.fixed(p.lap);
  out.fixed(static_cast<std::uint8_t>(p.source));
  out.flag(p.lap_is_fault);
  out.flag(p.has_sequence);
  out.flag(p.has_texts);
  out.flag(p.sector_derived);
  for (auto v = batch.values_begin(p); v != batch.values_end(p); ++v) {
    out.fixed(v->field);
    out.fixed(std::bit_cast<std::uint64_t>(v->value));
  }
  if (!p.has_texts) return;
  out.text(batch.json(p));
  out.fixed(p.lap_literal.length > 0 ? p.lap_literal.offset - p.json.offset : 0);
  out.fixed(p.lap_literal.length);
}

}  // namespace

LogRepacker::LogRepacker()
    : decoder_(schema_.fields(), pool_),
      check_decoder_(schema_.fields(), pool_),
      encoder_(schema_.fields()),
      columns_(schema_.fields()) {}

Result<void> LogRepacker::add(const LogBlock& block, bool stays, const Out& out) {
  const bool is_body = std::exchange(is_in_body_, block.goes_on) || block.goes_on;
  stays = stays || is_body || (block.count >= kLargeBlock && !block.leans);
  if (stays) {
    if (auto flushed = flush(out); !flushed) return flushed;
  } else if (rows_.empty()) {
    base_ = block.base_offset;
  }
  if (!stays && block.base_offset != base_ + rows_.count()) return cannot("there is a gap");
  if (auto taken = take(block, decoder_, given_, stays ? nullptr : &rows_); !taken) return taken;
  if (stays) return out(block);
  if (rows_.points().size() < kPoints && rows_.bytes() < kRowBytes) return {};
  return flush(out);
}

Result<void> LogRepacker::flush(const Out& out) {
  if (rows_.empty()) return {};
  if (!encoder_.encode(rows_, false, payload_)) columns_.encode_columns(rows_, payload_);
  LogBlock block{.base_offset = base_, .count = rows_.count(), .payload = payload_};
  block.min_time_ns = block.max_time_ns = last_time_ns_;
  if (!rows_.points().empty()) {
    block.min_time_ns = rows_.min_event_time().ns;
    block.max_time_ns = rows_.max_event_time().ns;
  }
  auto given = out(block);
  rows_.clear();
  return given;
}

Result<void> LogRepacker::check(const LogBlock& block) {
  if (block.leans) return cannot("a rewritten block leans");
  return take(block, check_decoder_, found_, nullptr);
}

Result<void> LogRepacker::checked() {
  if (given_ == found_) return {};
  return cannot("what was rewritten does not read back the same");
}

Result<void> LogRepacker::take(const LogBlock& block, PointLogDecoder& decoder, std::uint64_t& sum,
                               LogRows* rows) {
  if (!decoder.open(block.payload) || decoder.count() != block.count) {
    return cannot("a payload is damaged");
  }
  for (LogEntry entry; decoder.next(entry);) {
    digest(entry, block.base_offset, sum);
    if (rows != nullptr) add_to(*rows, entry);
    if (entry.points) pool_.put(std::move(entry.points));
  }
  if (decoder.values_dropped() > 0 || decoder.sources_unknown() > 0) {
    return cannot("it has what this program does not know");
  }
  return {};
}

void LogRepacker::add_to(LogRows& rows, const LogEntry& entry) {
  add_entry(rows, entry);
  const bool has_time = entry.kind == LogEntryKind::kTick || entry.kind == LogEntryKind::kClose ||
                        entry.kind == LogEntryKind::kKey || entry.kind == LogEntryKind::kMark;
  if (has_time) last_time_ns_ = entry.time.ns;
}

void LogRepacker::digest(const LogEntry& entry, std::uint64_t base, std::uint64_t& sum) {
  std::uint64_t offset = base + entry.index;
  if (entry.points) {
    for (const Point& p : entry.points->points) {
      bytes_.clear();
      ByteWriter out(bytes_);
      out.fixed(offset++);
      out.fixed(entry.partition);
      write_point(out, *entry.points, p);
      mix_in(sum, bytes_);
    }
    return;
  }
  bytes_.clear();
  ByteWriter out(bytes_);
  out.fixed(offset);
  out.fixed(static_cast<std::uint8_t>(entry.kind));
  out.fixed(entry.count);
  out.fixed(entry.time.ns);
  out.fixed(entry.status);
  out.text(entry.key);
  out.text(entry.text);
  mix_in(sum, bytes_);
}

}  // namespace slipstream
