#include "log/segment_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/fault.h"
#include "log/segment_reader.h"

namespace slipstream {
namespace {

/// For what is worth a try, but whose failure changes nothing.
void try_only(const Result<void>&) {}

}  // namespace

SegmentLog::SegmentLog(FileSystem& files, FileSystem::Path folder, const SegmentLogOptions& options)
    : files_(files), folder_(std::move(folder)), options_(options) {}

Result<std::unique_ptr<SegmentLog>> SegmentLog::open(FileSystem& files, FileSystem::Path folder,
                                                     const SegmentLogOptions& options) {
  if (auto made = files.make_directories(folder); !made) return std::unexpected(made.error());
  auto lock = files.lock(folder);
  if (!lock) return std::unexpected(lock.error());
  std::unique_ptr<SegmentLog> log(new SegmentLog(files, std::move(folder), options));
  log->lock_ = std::move(*lock);
  if (auto recovered = log->recover(); !recovered) return std::unexpected(recovered.error());
  return log;
}

Result<void> SegmentLog::recover() {
  auto segments = list_segments(files_, folder_, &leftover_);
  if (!segments) return std::unexpected(segments.error());
  segments_ = std::move(*segments);
  std::uint64_t at_least_offset = options_.at_least_offset;
  LogEnd end;
  std::unique_ptr<File> last;
  if (!segments_.empty()) {
    auto file = files_.open_append(folder_ / segments_.back().name, OpenMode::kExisting);
    if (!file) return std::unexpected(file.error());
    last = std::move(*file);
    // First onto the disk, then read from there: what is found is then durable, whatever became of
    // the syncs of an earlier run.
    if (auto synced = last->sync(); !synced) return synced;
    last->drop_cache();
    auto found = find_log_end(files_, folder_, segments_.back());
    if (!found) return std::unexpected(found.error());
    end = std::move(*found);  // and so the last one's version is known
    // 0.1 would take the blocks of one body for several: it refuses segments of this version.
    if (segments_.back().version < kSegmentVersion) end.appendable = false;
    // What was rewritten was there, and is not written after.
    if (segments_.back().is_rewritten()) end.appendable = false;
    at_least_offset = std::max(at_least_offset, segments_.back().held_to());
  }
  remove_unfinished();
  try_only(remove_leftover());
  findings_ = std::move(end.findings);
  lost_ = std::move(end.lost);
  if (end.resumes_from < at_least_offset) {
    const std::string why = kLostEnd;
    const std::uint64_t to = std::max(end.next_offset, at_least_offset);
    findings_.push_back(
        fmt::format("{}: offsets {} to {} are not in it", why, end.resumes_from, to));
    lost_.push_back({end.resumes_from, to,
                     segments_.empty() ? segment_name(end.resumes_from) : segments_.back().name,
                     why});
    // Not given up: the gap is left open before the next segment, so that every later reader tells
    // it as well.
    end.next_offset = end.resumes_from = to;
    end.appendable = false;
  }
  next_ = synced_ = end.next_offset;
  resumes_from_ = end.resumes_from;
  if (last) {
    if (auto gone_on = go_on_after(end, std::move(last)); !gone_on) return gone_on;
  }
  return files_.sync_directory(folder_);
}

/// What a rewriting that was cut short left behind: a new segment that was not done.
void SegmentLog::remove_unfinished() {
  const auto names = files_.list(folder_);
  if (!names) return;
  for (const std::string& name : *names) {
    if (name.ends_with(kRewriteSuffix)) try_only(files_.remove(folder_ / name));
  }
}

/// Segments that another one holds now. What cannot be removed is tried again: it would count again
/// if the other one went before it.
Result<void> SegmentLog::remove_leftover() {
  if (leftover_.empty()) return {};
  // The new one's name is on the disk before the old ones go.
  SLIPSTREAM_FAULT_ERROR("rewrite-sync-folder", leftover_.front());
  if (auto synced = files_.sync_directory(folder_); !synced) return synced;
  std::vector<std::string> left;
  Result<void> done;
  for (const std::string& name : leftover_) {
    SLIPSTREAM_FAULT_ERROR("rewrite-remove", name);
    auto gone = files_.remove(folder_ / name);
    if (gone) continue;
    const auto there = files_.identity(folder_ / name);
    if (there && !*there) continue;
    left.push_back(name);
    if (done) done = std::move(gone);
  }
  SLIPSTREAM_FAULT_ERROR("rewrite-done", leftover_.front());
  if (auto synced = files_.sync_directory(folder_); !synced) return synced;
  leftover_ = std::move(left);
  return done;
}

bool SegmentLog::has_leftover(const SegmentInfo& holder) const {
  return std::ranges::any_of(leftover_, [&](const std::string& name) {
    const auto base_offset = parse_segment_name(name);
    return base_offset && *base_offset >= holder.base_offset && *base_offset < holder.held_to();
  });
}

Result<void> SegmentLog::go_on_after(const LogEnd& end, std::shared_ptr<File> last) {
  const SegmentInfo info = segments_.back();
  const std::size_t index = segments_.size() - 1;
  const auto cut_tail = [&]() -> Result<void> {
    if (info.bytes == end.whole_bytes) return {};
    if (auto cut = last->truncate(end.whole_bytes); !cut) return cut;
    segments_[index].bytes = end.whole_bytes;
    return last->sync();
  };
  if (end.appendable && cut_tail()) {
    active_ = std::move(last);
    active_synced_bytes_ = segments_[index].bytes;
    const std::int64_t age_ns = std::max<std::int64_t>(0, clock().now().ns - info.created_ns);
    active_since_ = clock().steady() + -age_ns;
    return {};
  }
  const bool takes_its_name = info.base_offset == next_offset();
  if (takes_its_name && end.evidence) {
    auto aside = folder_ / info.name;
    aside += ".damaged";
    try_only(files_.remove(aside));  // of an opening that came no further than this
    if (auto kept = files_.link(folder_ / info.name, aside); !kept) return kept;
  }
  segments_[index].bytes = end.whole_bytes;  // nobody reads what is given up
  // Should the disk be full, the first append tries again. The end of the old segment goes only
  // when the new one holds the offset that it told.
  if (create_segment() && !takes_its_name) try_only(cut_tail());
  return {};
}

const Clock& SegmentLog::clock() const {
  return options_.clock != nullptr ? *options_.clock : system_clock();
}

std::uint64_t SegmentLog::first_offset() const {
  const std::lock_guard lock(mutex_);
  return segments_.empty() ? next_offset() : segments_.front().base_offset;
}

std::uint64_t SegmentLog::bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const SegmentInfo& segment : segments_) sum += segment.bytes;
  return sum;
}

std::size_t SegmentLog::segments() const {
  const std::lock_guard lock(mutex_);
  return segments_.size();
}

Result<void> SegmentLog::refuse_unfit(const LogBlock& block) const {
  if (block.base_offset != next_offset()) {
    return fail(fmt::format("the block begins at offset {}, the log goes on at {}",
                            block.base_offset, next_offset()));
  }
  if (block.count == 0) return fail("the block covers no offset", ErrorCode::kRefused);
  if (block.payload.size() > kMaxPayloadBytes) {
    return fail(fmt::format("the block's payload of {} bytes is over the limit of {}",
                            block.payload.size(), kMaxPayloadBytes),
                ErrorCode::kRefused);
  }
  return {};
}

Result<void> SegmentLog::append(const LogBlock& block) {
  {
    const std::lock_guard lock(mutex_);
    bool may_lean = std::exchange(may_lean_, false);
    if (auto unfit = refuse_unfit(block); !unfit) {
      if (open_body_) cut_back();
      return unfit;
    }
    may_lean = may_lean && !open_body_ && !block.goes_on;
    if (active_ && !trouble() && (block.leans ? may_lean : !roll_is_due())) return write(block);
  }
  const std::lock_guard syncing(sync_mutex_);
  const std::lock_guard lock(mutex_);
  if (const auto why = trouble()) {
    const bool is_within_body = open_body_.has_value();
    cut_back();
    if (refused_ || is_within_body) return std::unexpected(*why);
  }
  if (auto unfit = refuse_unfit(block); !unfit) return unfit;
  if (block.leans) {
    cut_back();
    return fail("what the block leans on is not right before it");
  }
  if (auto rolled = roll(); !rolled) {
    cut_back();
    return rolled;
  }
  return write(block);
}

bool SegmentLog::may_lean() const {
  const std::lock_guard lock(mutex_);
  return may_lean_ && active_ && !open_body_ && !trouble() && !roll_is_due();
}

bool SegmentLog::roll_is_due() const {
  const SegmentInfo& segment = segments_.back();
  if (open_body_) return false;
  if (segment.bytes <= sizeof(SegmentHeader)) return false;
  if (segment.bytes >= options_.segment_bytes) return true;
  if (options_.segment_leaning_blocks > 0 && active_leaning_ >= options_.segment_leaning_blocks) {
    return true;
  }
  return options_.segment_age_ms > 0 &&
         clock().steady() - active_since_ >= options_.segment_age_ms * kNsPerMs;
}

// A segment is synced before the next one begins, so that only the last can hold what is not.
Result<void> SegmentLog::roll() {
  if (active_) {
    if (auto synced = active_->sync(); !synced) return synced;
    active_synced_bytes_ = segments_.back().bytes;
    synced_ = next_offset();
    resumes_from_ = next_offset();
    active_.reset();
  }
  return create_segment();
}

Result<void> SegmentLog::create_segment() {
  const std::uint64_t base_offset = next_offset();
  // One of the same name holds nothing whole: it is replaced.
  if (!segments_.empty() && segments_.back().base_offset == base_offset) segments_.pop_back();
  SegmentInfo segment{
      .name = segment_name(base_offset),
      .base_offset = base_offset,
      .resumes_from = resumes_from_,
      .previous_base = segments_.empty() ? base_offset : segments_.back().base_offset,
      .created_ns = clock().now().ns,
      .bytes = sizeof(SegmentHeader),
      .version = kSegmentVersion,
      .header = HeaderState::kGood};
  // Its name appears when its header is on the disk, so that a crash leaves no segment without.
  const auto path = folder_ / segment.name;
  auto unnamed = path;
  unnamed += ".new";
  auto file = files_.open_append(unnamed, OpenMode::kCreateNew);
  if (!file && files_.remove(unnamed)) file = files_.open_append(unnamed, OpenMode::kCreateNew);
  if (!file) return std::unexpected(file.error());
  auto done = write_all(**file, encode_segment_header({.base_offset = base_offset,
                                                       .resumes_from = resumes_from_,
                                                       .previous_base = *segment.previous_base,
                                                       .created_ns = segment.created_ns}));
  if (done) done = (*file)->sync();
  if (done) done = files_.rename(unnamed, path);
  if (done) done = files_.sync_directory(folder_);
  if (!done) return done;
  const auto identity = (*file)->identity();
  if (!identity) return std::unexpected(identity.error());
  segment.identity = *identity;
  active_ = std::move(*file);
  active_since_ = clock().steady();
  active_leaning_ = 0;
  active_synced_bytes_ = segment.bytes;
  lend_ages(segments_, segment.created_ns);
  segments_.push_back(std::move(segment));
  return {};
}

Result<void> SegmentLog::write(const LogBlock& block) {
  SegmentInfo& segment = segments_.back();
  const bool continues = open_body_.has_value();
  const std::string_view bytes =
      encoder_.encode(block, {segment.base_offset, segment.bytes}, continues);
  if (auto written = write_all(*active_, bytes); !written) {
    cut_back();
    return written;
  }
  if (!block.goes_on) {
    open_body_.reset();
  } else if (!continues) {
    open_body_ = {block.base_offset, segment.bytes};
  }
  segment.bytes += bytes.size();
  may_lean_ = true;
  if (block.leans) ++active_leaning_;
  next_.store(block.end_offset(), std::memory_order_release);
  return {};
}

std::optional<Error> SegmentLog::trouble() const {
  if (refused_ || !active_is_gone_) return refused_;
  return Error{fmt::format("{} is gone", (folder_ / segments_.back().name).string()),
               ErrorCode::kIo};
}

void SegmentLog::refuse(std::optional<Error> why) {
  const std::lock_guard lock(mutex_);
  refused_ = std::move(why);
}

void SegmentLog::cut_back() {
  ++cut_backs_;
  open_body_.reset();
  may_lean_ = false;
  active_is_gone_ = false;
  if (active_) {
    SegmentInfo& segment = segments_.back();
    // Where this fails, the next segment makes void what is left over.
    try_only(active_->truncate(active_synced_bytes_));
    segment.bytes = active_synced_bytes_;
    active_.reset();
    // Else it is replaced by one that resumes from the same offset.
    if (segment.base_offset < synced_offset()) resumes_from_ = synced_offset();
  }
  next_.store(synced_offset(), std::memory_order_release);
}

Result<void> SegmentLog::sync() {
  const std::lock_guard syncing(sync_mutex_);
  std::unique_lock lock(mutex_);
  const std::uint64_t end_offset = open_body_ ? open_body_->offset : next_offset();
  if (end_offset == synced_offset()) return {};
  const std::uint64_t bytes = open_body_ ? open_body_->segment_bytes : segments_.back().bytes;
  const std::shared_ptr<File> file = active_;
  const std::uint64_t cut_backs = cut_backs_;
  lock.unlock();

  const auto synced = file->sync();

  lock.lock();
  if (cut_backs != cut_backs_) return fail("the log was cut back while it was being synced");
  if (const auto why = trouble(); !synced || why) {
    cut_back();
    return why ? std::unexpected(*why) : synced;
  }
  active_synced_bytes_ = bytes;
  synced_.store(end_offset, std::memory_order_release);
  return {};
}

Result<std::unique_ptr<LogReader>> SegmentLog::read_from(std::uint64_t offset) {
  const std::lock_guard lock(mutex_);
  std::vector<SegmentInfo> segments = synced_now();
  const auto after = std::ranges::upper_bound(segments, offset, {}, &SegmentInfo::base_offset);
  if (after != segments.begin()) segments.erase(segments.begin(), after - 1);
  // Where no segment could be begun yet, offsets that are given up are in none.
  return std::make_unique<SegmentReader>(files_, folder_, std::move(segments), offset,
                                         active_ ? synced_offset() : resumes_from_);
}

std::vector<SegmentInfo> SegmentLog::synced_segments() const {
  const std::lock_guard lock(mutex_);
  return synced_now();
}

std::vector<SegmentInfo> SegmentLog::synced_now() const {
  std::vector<SegmentInfo> segments = segments_;
  if (active_) segments.back().bytes = active_synced_bytes_;
  return segments;
}

Result<std::vector<LostRange>> SegmentLog::look() {
  std::vector<SegmentInfo> segments;
  {
    const std::lock_guard lock(mutex_);
    segments = segments_;
  }
  std::vector<SegmentInfo> gone;
  for (const SegmentInfo& segment : segments) {
    const auto found = files_.identity(folder_ / segment.name);
    if (!found) return std::unexpected(found.error());
    if (*found != segment.identity) gone.push_back(segment);
  }
  return note_gone(gone);
}

std::vector<LostRange> SegmentLog::note_gone(const std::vector<SegmentInfo>& looked_for) {
  std::vector<LostRange> lost;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    SegmentInfo& segment = segments_[i];
    const bool is_last = i + 1 == segments_.size();
    // Retention removes files on purpose, and a segment without a block is replaced by another.
    const bool is_looked_for = std::ranges::any_of(looked_for, [&](const SegmentInfo& gone) {
      return gone.name == segment.name && gone.identity == segment.identity;
    });
    if (!is_looked_for || segment.is_gone || segment.base_offset < retained_from()) {
      continue;
    }
    segment.is_gone = true;
    if (is_last && active_) active_is_gone_ = true;
    const std::uint64_t end = is_last ? synced_offset() : segments_[i + 1].resumes_from;
    lost.push_back({segment.base_offset, std::max(end, segment.base_offset), segment.name,
                    "the file was deleted or replaced while the server ran"});
  }
  return lost;
}

}  // namespace slipstream
