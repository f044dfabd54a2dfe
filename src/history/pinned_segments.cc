#include "history/pinned_segments.h"

#include <algorithm>
#include <utility>

namespace slipstream {

PinnedSegments::PinnedSegments(FileSystem& files, FileSystem::Path folder,
                               FileSystem::Path log_folder, SegmentIndexes& log_indexes,
                               std::uint64_t max_bytes)
    : files_(files),
      folder_(std::move(folder)),
      log_folder_(std::move(log_folder)),
      log_indexes_(log_indexes),
      indexes_(files_, folder_),
      max_bytes_(max_bytes) {}

Result<void> PinnedSegments::open() {
  auto segments = list_segments(files_, folder_);
  if (!segments) {
    const auto there = files_.identity(folder_);
    if (there && !*there) return {};
    return std::unexpected(segments.error());
  }
  const std::lock_guard lock(mutex_);
  segments_ = std::move(*segments);
  publish_locked();
  return {};
}

Result<bool> PinnedSegments::take(const SegmentInfo& segment) {
  const auto pinned = sessions();
  const auto is_wanted = pinned ? is_needed(segment, log_indexes_, *pinned) : std::nullopt;
  if (!is_wanted.value_or(true)) return false;
  if (segment.bytes > max_bytes_) {
    stats_.dropped.add();
    return false;
  }
  const auto taken = move_here(segment, is_wanted.has_value());
  stats_.failing.set(taken ? 0 : 1);
  return taken;
}

Result<bool> PinnedSegments::move_here(const SegmentInfo& segment, bool is_certain) {
  // Others may let go of some meanwhile.
  for (const SegmentInfo& oldest : segments()) {
    if (bytes() + segment.bytes <= max_bytes_) break;
    if (auto gone = remove(oldest); !gone) return std::unexpected(gone.error());
    stats_.dropped.add();
  }
  if (auto made = files_.make_directories(folder_); !made) return std::unexpected(made.error());
  auto moved = files_.rename(log_folder_ / segment.name, folder_ / segment.name);
  if (!moved) {
    const auto left = files_.identity(log_folder_ / segment.name);
    if (left && !*left) return false;  // somebody else took it away
    return std::unexpected(moved.error());
  }
  // Where its index does not come along, another one is made.
  const auto index = segment_index_name(segment);
  std::ignore = files_.rename(log_folder_ / index, folder_ / index);
  {
    const std::lock_guard lock(mutex_);
    const auto behind =
        std::ranges::upper_bound(segments_, segment.base_offset, {}, &SegmentInfo::base_offset);
    segments_.insert(behind, segment);
    if (!is_certain) uncertain_.insert(segment.name);
    publish_locked();
  }
  if (auto synced = files_.sync_directory(folder_); !synced) return std::unexpected(synced.error());
  return true;
}

Result<void> PinnedSegments::remove(const SegmentInfo& segment) {
  if (auto gone = files_.remove(folder_ / segment.name); !gone) {
    const auto left = files_.identity(folder_ / segment.name);
    if (!left || *left) return gone;
  }
  std::ignore = files_.remove(folder_ / segment_index_name(segment));
  const std::lock_guard lock(mutex_);
  std::erase_if(segments_, [&](const SegmentInfo& one) { return one.name == segment.name; });
  uncertain_.erase(segment.name);
  publish_locked();
  return {};
}

void PinnedSegments::set_sessions(std::vector<SessionExtent> sessions) {
  const std::lock_guard lock(mutex_);
  sessions_ = std::move(sessions);
}

std::optional<std::vector<SessionExtent>> PinnedSegments::sessions() const {
  const std::lock_guard lock(mutex_);
  return sessions_;
}

std::vector<SegmentInfo> PinnedSegments::segments() const {
  const std::lock_guard lock(mutex_);
  return segments_;
}

PinnedSegments::Need PinnedSegments::need_of(const std::vector<SessionExtent>& sessions,
                                             const std::vector<SegmentInfo>& log_segments) {
  Need need;
  if (sessions.empty()) return need;
  const auto add = [&](const SegmentInfo& segment, SegmentIndexes& indexes, bool is_open) {
    const auto is_wanted = is_needed(segment, indexes, sessions);
    if (is_open || is_wanted.value_or(false)) {
      need.bytes += segment.bytes;
    } else if (!is_wanted) {
      need.maybe_bytes += segment.bytes;
    }
  };
  for (const SegmentInfo& segment : segments()) add(segment, indexes_, false);
  for (const SegmentInfo& segment : log_segments) {
    add(segment, log_indexes_, &segment == &log_segments.back());
  }
  return need;
}

std::optional<bool> PinnedSegments::is_needed(const SegmentInfo& segment, SegmentIndexes& indexes,
                                              const std::vector<SessionExtent>& sessions) {
  if (sessions.empty()) return false;
  const auto index = indexes.find(segment);
  if (!index) return std::nullopt;
  return std::ranges::any_of(sessions, [&](const SessionExtent& session) {
    if (!index->reaches(session.from, session.to)) return false;
    return std::ranges::any_of(session.chassis, [&](const std::string& chassis) {
      return !index->find(session.track, chassis, session.from, session.to).empty();
    });
  });
}

void PinnedSegments::session_unpinned() {
  const std::lock_guard lock(mutex_);
  may_go_ = true;
}

Result<void> PinnedSegments::let_go() {
  const auto pinned = sessions();
  if (!pinned) return {};
  std::int64_t unexplained = 0;
  for (const SegmentInfo& segment : segments()) {
    if (is_needed(segment, indexes_, *pinned).value_or(true)) continue;
    const bool may_go = [&] {
      const std::lock_guard lock(mutex_);
      return may_go_ || uncertain_.contains(segment.name);
    }();
    if (!may_go) {
      ++unexplained;
    } else if (auto gone = remove(segment); !gone) {
      return gone;
    }
  }
  stats_.unexplained.set(unexplained);
  return {};
}

Result<bool> PinnedSegments::tend(const SegmentInfo& next, const MayRead& may_read) {
  auto all = segments();
  if (all.empty()) return false;
  all.push_back(next);  // which makes void what it does, and gets no index here
  return indexes_.tend(all, may_read);
}

void PinnedSegments::publish_locked() {
  std::uint64_t bytes = 0;
  for (const SegmentInfo& segment : segments_) bytes += segment.bytes;
  stats_.bytes.set(static_cast<std::int64_t>(bytes));
  stats_.segments.set(static_cast<std::int64_t>(segments_.size()));
}

}  // namespace slipstream
