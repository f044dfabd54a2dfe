// What takes segments out of a log, or puts others in their place: retention and rewriting.
#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/fault.h"
#include "log/segment_log.h"

namespace slipstream {

Result<std::size_t> SegmentLog::retain(std::uint64_t protect_offset, std::int64_t now_ns) {
  std::size_t removed = 0;
  // Where it is busy, the next call will do.
  const std::unique_lock reshaping(reshape_mutex_, std::try_to_lock);
  if (!reshaping) return removed;
  const auto cleared = remove_leftover();
  while (true) {
    SegmentInfo leaving;
    {
      const std::lock_guard lock(mutex_);
      if (segments_.size() < 2) break;
      const SegmentInfo& oldest = segments_[0];
      const SegmentInfo& next = segments_[1];
      std::uint64_t bytes = 0;
      for (const SegmentInfo& segment : segments_) bytes += segment.bytes;
      const bool too_many = options_.retention_bytes > 0 && bytes > options_.retention_bytes;
      // A segment is as old as its last block at least, which was before the next one began.
      const bool too_old =
          options_.retention_ms > 0 && now_ns - next.created_ns > options_.retention_ms * kNsPerMs;
      if (next.base_offset > protect_offset || (!too_many && !too_old)) break;
      if (!cleared && has_leftover(oldest)) return std::unexpected(cleared.error());
      leaving = oldest;
      retained_from_.store(next.base_offset, std::memory_order_release);
    }
    // Without the mutex: removing a large file takes its time. Oldest first, so that a failure
    // leaves no hole.
    if (auto gone = let_go(leaving); !gone) return std::unexpected(gone.error());
    ++removed;
    const std::lock_guard lock(mutex_);
    segments_.erase(segments_.begin());
  }
  if (removed > 0) {
    if (auto synced = files_.sync_directory(folder_); !synced) {
      return std::unexpected(synced.error());
    }
  }
  return removed;
}

Result<void> SegmentLog::let_go(const SegmentInfo& segment) {
  if (keeper_ != nullptr) {
    const auto taken = keeper_->take(segment);
    if (!taken) return std::unexpected(taken.error());
    if (*taken) return {};
  }
  auto gone = files_.remove(folder_ / segment.name);
  if (gone) return {};
  const auto left = files_.identity(folder_ / segment.name);
  const bool is_gone_already = left && !*left;
  return is_gone_already ? Result<void>{} : gone;
}

Result<bool> SegmentLog::replace(const std::vector<SegmentInfo>& old,
                                 const SegmentInfo& rewritten) {
  CHECK(!old.empty() && old.front().name == rewritten.name, "a segment takes the first one's name");
  const std::lock_guard reshaping(reshape_mutex_);
  std::ignore = remove_leftover();  // worth a try; its failure changes nothing
  // Else renaming would free its blocks on the disk, which takes time, while append() waits.
  const auto held_open = files_.open_read(folder_ / rewritten.name);
  std::vector<std::string> leftover = leftover_;
  for (std::size_t i = 1; i < old.size(); ++i) leftover.push_back(old[i].name);
  {
    const std::lock_guard lock(mutex_);
    const auto first = std::ranges::find(segments_, rewritten.name, &SegmentInfo::name);
    // The last one may be written to.
    if (segments_.end() - first <= static_cast<std::ptrdiff_t>(old.size())) return false;
    const bool are_there =
        std::equal(old.begin(), old.end(), first, [](const SegmentInfo& a, const SegmentInfo& b) {
          return a.name == b.name && a.identity == b.identity && !b.is_gone;
        });
    if (!are_there) return false;
    auto unnamed = folder_ / rewritten.name;
    unnamed += kRewriteSuffix;
    SLIPSTREAM_FAULT_ERROR("rewrite-name", rewritten.name);
    // Under the mutex, so that nobody finds another file than is listed.
    if (auto named = files_.rename(unnamed, folder_ / rewritten.name); !named) {
      return std::unexpected(named.error());
    }
    *first = rewritten;
    segments_.erase(first + 1, first + static_cast<std::ptrdiff_t>(old.size()));
  }
  leftover_ = std::move(leftover);
  const auto done = leftover_.empty() ? files_.sync_directory(folder_) : remove_leftover();
  if (!done) return std::unexpected(done.error());
  return true;
}

}  // namespace slipstream
