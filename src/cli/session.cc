#include "cli/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "history/pinned_segments.h"
#include "log/segment_reader.h"
#include "log/segment_recovery.h"

namespace slipstream {
namespace {

namespace fs = std::filesystem;

constexpr int kAllLooks = 500;  ///< while it grows

bool has_segments(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (parse_segment_name(entry.path().filename().string())) return true;
  }
  return false;
}

/// Whether the log may be in the middle of a write.
Result<bool> look(const fs::path& folder, LogExtent& extent) {
  auto segments = list_segments(posix_file_system(), folder);
  if (!segments) return std::unexpected(segments.error());
  extent = {};
  extent.segments = std::move(*segments);
  if (extent.segments.empty()) return false;
  for (const auto& segment : extent.segments) extent.bytes += segment.bytes;
  extent.from = extent.segments.front().base_offset;
  const SegmentInfo& last = extent.segments.back();
  if (last.header == HeaderState::kUnknownVersion) {
    extent.to = last.base_offset;
    extent.tail = {last.base_offset, last.base_offset, last.name,
                   fmt::format("the segment is of version {}, this program knows {}", last.version,
                               kKnownSegmentVersions)};
    return false;
  }
  auto end = find_log_end(posix_file_system(), folder, last);
  if (!end) return std::unexpected(end.error());
  extent.to = end->next_offset;
  const bool is_torn = end->whole_bytes < last.bytes;
  if ((is_torn || end->evidence) && end->next_offset == end->resumes_from) {
    extent.tail = {end->next_offset, end->next_offset, last.name, end->findings.back()};
  }
  return is_torn;
}

}  // namespace

Result<fs::path> find_log_folder(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    return fail(fmt::format("{} is no directory", directory.string()));
  }
  if (has_segments(directory)) return directory;
  if (fs::is_directory(directory / "log", error)) return directory / "log";
  return fail(fmt::format("{} holds no log: neither a folder 'log' nor segments (*.slog)",
                          directory.string()));
}

Result<LogExtent> find_log_extent(const fs::path& folder) {
  LogExtent extent;
  std::uint64_t bytes = 0;
  for (int still = 0, all = 0; still < kLooksAtGrowth && all < kAllLooks; ++still, ++all) {
    const auto is_torn = look(folder, extent);
    if (!is_torn) return std::unexpected(is_torn.error());
    if (!*is_torn) break;
    if (std::exchange(bytes, extent.bytes) != extent.bytes) still = 0;
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return extent;
}

Session::Session(std::vector<Run> runs, const SchemaOptions& schema)
    : runs_(std::move(runs)), schema_(schema), decoder_(schema_.fields(), pool_) {
  for (const Run& run : runs_) {
    bytes_ += run.extent.bytes;
    entries_ += run.extent.to - run.extent.from;
  }
  rewind();
}

/// What stands between the runs retention took: nothing of it is lost.
Result<std::vector<Session::Run>> Session::runs_of(const fs::path& log_folder) {
  // Listed first: what is moved meanwhile is in both lists then.
  auto extent = find_log_extent(log_folder);
  if (!extent) return std::unexpected(extent.error());
  std::vector<Run> runs;
  const fs::path kept = log_folder.parent_path() / kPinnedFolder;
  std::error_code error;
  if (log_folder.filename() == "log" && fs::is_directory(kept, error)) {
    auto segments = list_segments(posix_file_system(), kept);
    if (!segments) return std::unexpected(segments.error());
    for (SegmentInfo& segment : *segments) {
      const bool goes_on = !runs.empty() && segment.resumes_from <= runs.back().extent.to;
      if (!goes_on) {
        runs.emplace_back().folder = kept;
        runs.back().extent.from = segment.base_offset;
      }
      LogExtent& run = runs.back().extent;
      const auto end = find_log_end(posix_file_system(), kept, segment);
      if (!end) return std::unexpected(end.error());
      run.to = std::max(segment.held_to(), end->resumes_from);
      run.bytes += segment.bytes;
      run.segments.push_back(std::move(segment));
    }
  }
  for (Run& run : runs) run.extent.to = std::min(run.extent.to, extent->from);
  runs.push_back({.folder = log_folder, .extent = std::move(*extent)});
  return runs;
}

Result<std::unique_ptr<Session>> Session::open(const fs::path& directory,
                                               const SchemaOptions& schema) {
  auto folder = find_log_folder(directory);
  if (!folder) return std::unexpected(folder.error());
  auto runs = runs_of(*folder);
  if (!runs) return std::unexpected(runs.error());
  return std::unique_ptr<Session>(new Session(std::move(*runs), schema));
}

void Session::rewind() {
  lost_.clear();
  bytes_before_ = entries_before_ = 0;
  begin_run(0);
}

void Session::begin_run(std::size_t run) {
  run_ = run;
  const Run& now = runs_[run];
  reader_ = std::make_unique<SegmentReader>(posix_file_system(), now.folder, now.extent.segments,
                                            now.extent.from, now.extent.to);
  entries_done_ = 0;
  is_in_block_ = false;
}

Result<Session::Item> Session::next() {
  if (batch_) pool_.put(std::move(batch_));
  while (true) {
    LogEntry entry;
    while (is_in_block_ && decoder_.next(entry)) {
      entries_done_ = block_base_ + entry.index - runs_[run_].extent.from;
      if (entry.kind == LogEntryKind::kMark) return Item{.mark = entry.text};
      if (entry.kind != LogEntryKind::kPoints) continue;
      batch_ = std::move(entry.points);
      return Item{.points = batch_.get()};
    }
    const auto block = reader_->next();
    if (!block) return std::unexpected(block.error());
    if (!*block) {
      if (run_ + 1 == runs_.size()) return Item{};
      lost_.insert(lost_.end(), reader_->lost().begin(), reader_->lost().end());
      bytes_before_ += runs_[run_].extent.bytes;
      entries_before_ += runs_[run_].extent.to - runs_[run_].extent.from;
      begin_run(run_ + 1);
      continue;
    }
    const LogBlock& b = **block;
    block_base_ = b.base_offset;
    const auto opened = decoder_.open(b.payload);
    is_in_block_ = opened && decoder_.count() == b.count;
    if (!is_in_block_) {
      lost_.push_back(
          {b.base_offset, b.end_offset(), "",
           opened ? "its entries are not as many as its head says" : opened.error().message});
    }
  }
}

std::vector<LostRange> Session::lost() const {
  std::vector<LostRange> lost = lost_;
  lost.insert(lost.end(), reader_->lost().begin(), reader_->lost().end());
  if (const auto& tail = runs_.back().extent.tail) lost.push_back(*tail);
  std::ranges::stable_sort(lost, {}, &LostRange::from);
  return lost;
}

void print_lost(const std::vector<LostRange>& lost) {
  for (const auto& range : lost) {
    // Where bytes cannot be read at all, nobody knows how many offsets they held.
    const std::string offsets = range.from < range.to
                                    ? fmt::format("offsets [{}, {})", range.from, range.to)
                                    : fmt::format("offsets from {} on", range.from);
    fmt::print(stderr, "lost: {}: {}{}{}\n", offsets, range.file, range.file.empty() ? "" : ": ",
               range.why);
  }
}

}  // namespace slipstream
