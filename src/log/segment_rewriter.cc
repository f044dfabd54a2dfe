#include "log/segment_rewriter.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/clock.h"
#include "base/fault.h"
#include "log/segment_reader.h"

namespace slipstream {
namespace {

/// A segment's blocks are known by those at its beginning.
constexpr std::uint64_t kSampleBytes = std::uint64_t{1} << 20;

/// How much is written between two syncs, so that those of the log need not wait for more.
constexpr std::uint64_t kSyncBytes = std::uint64_t{8} << 20;

std::unexpected<Error> stopped() {
  return fail("reading was stopped");
}

}  // namespace

class SegmentRewriter::Writer {
 public:
  Writer(FileSystem& files, FileSystem::Path path) : files_(files), path_(std::move(path)) {}

  Result<void> begin(const Plan& plan) {
    SLIPSTREAM_FAULT_ERROR("rewrite-create", path_.string());
    auto file = files_.open_append(path_, OpenMode::kCreateNew);
    if (!file && files_.remove(path_)) file = files_.open_append(path_, OpenMode::kCreateNew);
    if (!file) return std::unexpected(file.error());
    file_ = std::move(*file);
    const SegmentInfo& first = plan.segments.front();
    info_ = first;
    info_.version = kSegmentVersion;
    info_.previous_base = first.previous_base.value_or(first.base_offset);
    info_.holds = static_cast<std::uint32_t>(plan.end - first.base_offset);
    const auto identity = file_->identity();
    if (!identity) return std::unexpected(identity.error());
    info_.identity = *identity;
    info_.bytes = sizeof(SegmentHeader);
    return write_all(*file_, encode_segment_header({.holds = info_.holds,
                                                    .base_offset = info_.base_offset,
                                                    .resumes_from = info_.resumes_from,
                                                    .previous_base = *info_.previous_base,
                                                    .created_ns = info_.created_ns}));
  }
  Result<void> write(const LogBlock& block) {
    SLIPSTREAM_FAULT_ERROR("rewrite-write", path_.string());
    const auto bytes = encoder_.encode(block, {info_.base_offset, info_.bytes}, continues_);
    continues_ = block.goes_on;
    info_.bytes += bytes.size();
    if (auto written = write_all(*file_, bytes); !written) return written;
    if (info_.bytes - synced_bytes_ < kSyncBytes) return {};
    synced_bytes_ = info_.bytes;
    return file_->sync();
  }
  /// What is read after this is what the disk has.
  Result<void> finish() {
    SLIPSTREAM_FAULT_ERROR("rewrite-sync", path_.string());
    if (auto synced = file_->sync(); !synced) return synced;
    file_->drop_cache();
    return {};
  }
  const SegmentInfo& info() const { return info_; }

 private:
  FileSystem& files_;
  const FileSystem::Path path_;
  std::unique_ptr<File> file_;
  SegmentInfo info_;
  std::uint64_t synced_bytes_ = 0;
  BlockEncoder encoder_;
  bool continues_ = false;
};

SegmentRewriter::SegmentRewriter(FileSystem& files, FileSystem::Path folder, SegmentLog& log)
    : files_(files), folder_(std::move(folder)), log_(log) {}

Result<std::optional<SegmentRewriter::Plan>> SegmentRewriter::plan(const MayRead& may_read) {
  const std::vector<SegmentInfo> segments = log_.synced_segments();
  std::erase_if(is_worth_it_, [&](const auto& looked_at) {
    return segments.empty() || looked_at.first < segments.front().base_offset;
  });
  std::erase_if(alone_, [&](std::uint64_t base_offset) {
    return segments.empty() || base_offset < segments.front().base_offset;
  });
  const std::uint64_t most = log_.segment_bytes();
  std::optional<Plan> found;
  // The last one is being written, and tells where the one before it ends.
  for (std::size_t i = 0; i + 1 < segments.size() && !found; ++i) {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
    for (std::size_t k = i; k + 1 < segments.size(); ++k) {
      const auto is_small = has_small_blocks(segments[k], may_read);
      if (!is_small) return std::unexpected(is_small.error());
      if (!*is_small || !can_be_one(segments, i, k) ||
          (k > i && bytes + segments[k].bytes > most)) {
        break;
      }
      bytes += segments[k].bytes;
      ++count;
    }
    if (count > 0) found = plan_of(segments, i, count);
  }
  for (const std::uint64_t limit : {most / 64, most / 16, most / 4}) {
    for (std::size_t i = 0; i + 1 < segments.size() && !found; ++i) {
      std::size_t count = 0;
      std::uint64_t bytes = 0;
      for (std::size_t k = i; k + 1 < segments.size() && segments[k].is_rewritten() &&
                              segments[k].bytes < limit && !is_given_up(segments[k]) &&
                              can_be_one(segments, i, k) && bytes + segments[k].bytes <= most;
           ++k) {
        bytes += segments[k].bytes;
        ++count;
      }
      if (count >= kMerged) found = plan_of(segments, i, count);
    }
  }
  if (!found) return found;
  const auto free = files_.free_bytes(folder_);
  if (!free) return std::unexpected(free.error());
  if (*free < found->bytes + kRoomBytes) return std::nullopt;
  return found;
}

/// Whether the one at `next` may be in one with those from `first` on before it.
bool SegmentRewriter::can_be_one(const std::vector<SegmentInfo>& segments, std::size_t first,
                                 std::size_t next) const {
  const SegmentInfo& segment = segments[next];
  const std::uint64_t end = segments[next + 1].resumes_from;
  if (segment.header != HeaderState::kGood || segment.is_gone || end <= segment.base_offset ||
      end - segments[first].base_offset > std::numeric_limits<std::uint32_t>::max()) {
    return false;
  }
  if (next == first) return true;
  if (alone_.contains(segments[first].base_offset) || alone_.contains(segment.base_offset)) {
    return false;
  }
  const std::int64_t span_ms =
      segments[next + 1].created_ns / kNsPerMs - segments[first].created_ns / kNsPerMs;
  if (log_.rewritten_span_ms() > 0 && span_ms > log_.rewritten_span_ms()) return false;
  // What was given up or lost between two stays between two.
  return segment.resumes_from == segment.base_offset && comes_after(segment, segments[next - 1]);
}

std::optional<SegmentRewriter::Plan> SegmentRewriter::plan_of(
    const std::vector<SegmentInfo>& segments, std::size_t first, std::size_t count) const {
  Plan plan{.segments = {segments.begin() + static_cast<std::ptrdiff_t>(first),
                         segments.begin() + static_cast<std::ptrdiff_t>(first + count)},
            .end = segments[first + count].resumes_from};
  for (const SegmentInfo& segment : plan.segments) plan.bytes += segment.bytes;
  return plan;
}

bool SegmentRewriter::is_given_up(const SegmentInfo& segment) const {
  const auto known = is_worth_it_.find(segment.base_offset);
  return known != is_worth_it_.end() && !known->second;
}

Result<bool> SegmentRewriter::has_small_blocks(const SegmentInfo& segment,
                                               const MayRead& may_read) {
  if (segment.is_rewritten() || segment.header != HeaderState::kGood || segment.is_gone) {
    return false;
  }
  const auto known = is_worth_it_.find(segment.base_offset);
  if (known != is_worth_it_.end()) return known->second;
  auto file = files_.open_read(folder_ / segment.name);
  if (!file) return is_worth_it_[segment.base_offset] = false;
  bool is_stopped = false;
  SegmentScanner scanner(std::move(*file), segment.base_offset,
                         std::min(segment.bytes, kSampleBytes), [&](std::size_t size) {
                           is_stopped = may_read && !may_read(size);
                           return !is_stopped;
                         });
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  while (true) {
    // None of them is looked at closely.
    const auto piece = scanner.next(std::numeric_limits<std::uint64_t>::max());
    if (is_stopped) return stopped();
    if (!piece) return is_worth_it_[segment.base_offset] = false;
    if (piece->kind != PieceKind::kBlock) break;
    ++blocks;
    bytes += piece->bytes;
  }
  return is_worth_it_[segment.base_offset] = blocks > 0 && bytes / blocks < kSmallBlock;
}

Result<bool> SegmentRewriter::run(const Plan& plan, Repacker& repacker, const MayRead& may_read) {
  const SegmentInfo& first = plan.segments.front();
  auto path = folder_ / first.name;
  path += kRewriteSuffix;
  const auto give_up = [&] {
    // Should it stay, the next start removes it.
    if (auto removed = files_.remove(path); !removed) return;
  };
  const auto rewrite = [&]() -> Result<bool> {
    Writer writer(files_, path);
    if (auto begun = writer.begin(plan); !begun) return std::unexpected(begun.error());
    auto is_copied = copy(plan, writer, repacker, may_read);
    if (!is_copied || !*is_copied) return is_copied;
    if (auto done = writer.finish(); !done) return std::unexpected(done.error());
    SLIPSTREAM_FAULT_ERROR("rewrite-check", path.string());
    auto is_same = check(plan, path, writer.info().bytes, repacker, may_read);
    if (is_same && !*is_same) {
      if (plan.segments.size() == 1) is_worth_it_[first.base_offset] = false;
      for (const SegmentInfo& segment : plan.segments) alone_.insert(segment.base_offset);
    }
    if (!is_same || !*is_same) return is_same;
    const auto is_replaced = log_.replace(plan.segments, writer.info());
    if (!is_replaced) return std::unexpected(is_replaced.error());
    if (!*is_replaced) {
      give_up();  // retention removed some meanwhile
    } else {
      stats_.segments.add(plan.segments.size());
      stats_.bytes_before.add(plan.bytes);
      stats_.bytes_after.add(writer.info().bytes);
    }
    alone_.erase(first.base_offset);
    return true;
  };
  auto done = rewrite();
  if (!done || !*done) give_up();
  return done;
}

Result<bool> SegmentRewriter::copy(const Plan& plan, Writer& writer, Repacker& repacker,
                                   const MayRead& may_read) {
  const Repacker::Out out = [&](const LogBlock& block) { return writer.write(block); };
  for (std::size_t i = 0; i < plan.segments.size(); ++i) {
    const SegmentInfo& segment = plan.segments[i];
    const std::uint64_t end =
        i + 1 < plan.segments.size() ? plan.segments[i + 1].base_offset : plan.end;
    SegmentReader reader(files_, folder_, {segment}, segment.base_offset, end);
    while (true) {
      const auto block = reader.next();
      if (!block) return is_worth_it_[segment.base_offset] = false;
      if (!*block) break;
      if (may_read && !may_read(sizeof(BlockHeader) + (*block)->payload.size())) return stopped();
      if (auto added = repacker.add(**block, segment.is_rewritten(), out); !added) {
        if (added.error().code != ErrorCode::kRefused) return std::unexpected(added.error());
        return is_worth_it_[segment.base_offset] = false;
      }
    }
    if (!reader.lost().empty()) return is_worth_it_[segment.base_offset] = false;
    // A reader of the old ones goes on in the new one where one of them begins; and so does one of
    // those before them, since what was rewritten stays as it is.
    if (auto flushed = repacker.flush(out); !flushed) return std::unexpected(flushed.error());
  }
  return true;
}

Result<bool> SegmentRewriter::check(const Plan& plan, const FileSystem::Path& path,
                                    std::uint64_t bytes, Repacker& repacker,
                                    const MayRead& may_read) {
  auto file = files_.open_read(path);
  if (!file) return std::unexpected(file.error());
  const auto info = read_segment_info(**file, plan.segments.front().base_offset);
  if (!info) return std::unexpected(info.error());
  if (info->header != HeaderState::kGood || info->held_to() != plan.end) return false;
  SegmentScanner scanner(std::move(*file), info->base_offset, bytes, may_read);
  BlockDecoder decoder;
  std::uint64_t expected = info->base_offset;
  while (true) {
    const auto piece = scanner.next();
    if (!piece) return std::unexpected(piece.error());
    if (piece->kind == PieceKind::kEnd) break;
    if (piece->kind != PieceKind::kBlock || piece->from != expected) return false;
    const BlockHeader& header = piece->header;
    const auto payload = decoder.decode(header, piece->stored);
    if (!payload) return false;
    const auto checked = repacker.check({.base_offset = header.base_offset,
                                         .count = header.count,
                                         .min_time_ns = header.min_time_ns,
                                         .max_time_ns = header.max_time_ns,
                                         .payload = *payload,
                                         .goes_on = header.goes_on(),
                                         .leans = header.leans()});
    if (!checked) return false;
    expected = header.end_offset();
  }
  return expected == plan.end && repacker.checked();
}

}  // namespace slipstream
