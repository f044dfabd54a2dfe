#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/counters.h"
#include "log/segment_log.h"
#include "log/segment_scanner.h"

namespace slipstream {

/// Turns blocks of a log into others of the same entries, and tells whether those that are read
/// back have them. One rewriting; threads: one.
class Repacker {
 public:
  using Out = std::function<Result<void>(const LogBlock&)>;

  virtual ~Repacker() = default;
  /// Blocks come in the log's order. What is given out, now or later, covers their offsets in their
  /// order; bodies stay whole, and nothing leans. ErrorCode::kRefused: it cannot be written anew.
  /// `stays`: it was rewritten before, and is to be given out as it is.
  virtual Result<void> add(const LogBlock& block, bool stays, const Out& out) = 0;
  /// Gives out what is left: a block of what was before does not reach beyond here.
  virtual Result<void> flush(const Out& out) = 0;
  /// Blocks that were given out, as they are read back.
  virtual Result<void> check(const LogBlock& block) = 0;
  /// Whether all was read back that was added.
  virtual Result<void> checked() = 0;
};

/// Rewrites sealed segments of small blocks into one of large blocks, and several small ones into
/// one. At each step a crash leaves the old ones or the new one, whole: it is written beside them,
/// synced, read back from the disk and compared, and only then has their place. What is damaged, or
/// does not come out the same, stays as it is.
/// Threads: one.
class SegmentRewriter {
 public:
  /// What becomes one segment: these follow each other, and end where the next one resumes.
  struct Plan {
    std::vector<SegmentInfo> segments;
    std::uint64_t end = 0;
    std::uint64_t bytes = 0;
  };

  /// Of the segments that were replaced since the start. Any thread.
  struct Stats {
    Counter segments;
    Counter bytes_before;
    Counter bytes_after;
  };

  SegmentRewriter(FileSystem& files, FileSystem::Path folder, SegmentLog& log);

  const Stats& stats() const { return stats_; }

  /// What is to be rewritten next; nothing: all is as it should be, or the disk is nearly full.
  Result<std::optional<Plan>> plan(const MayRead& may_read);
  /// False: they cannot be read, or do not come out the same. What is to blame is not tried again
  /// until the next start; where that is not known, each is tried alone. After an error all may be
  /// tried again.
  Result<bool> run(const Plan& plan, Repacker& repacker, const MayRead& may_read);

  /// That much stays free on the disk.
  static constexpr std::uint64_t kRoomBytes = std::uint64_t{256} << 20;
  /// Below this on average, blocks are small.
  static constexpr std::uint64_t kSmallBlock = std::uint64_t{4} << 10;
  /// So many segments of about one size become one.
  static constexpr std::size_t kMerged = 4;

 private:
  /// Writes a segment's file.
  class Writer;

  Result<bool> has_small_blocks(const SegmentInfo& segment, const MayRead& may_read);
  bool can_be_one(const std::vector<SegmentInfo>& segments, std::size_t first,
                  std::size_t next) const;
  bool is_given_up(const SegmentInfo& segment) const;
  std::optional<Plan> plan_of(const std::vector<SegmentInfo>& segments, std::size_t first,
                              std::size_t count) const;
  Result<bool> copy(const Plan& plan, Writer& writer, Repacker& repacker, const MayRead& may_read);
  Result<bool> check(const Plan& plan, const FileSystem::Path& path, std::uint64_t bytes,
                     Repacker& repacker, const MayRead& may_read);

  Stats stats_;
  FileSystem& files_;
  const FileSystem::Path folder_;
  SegmentLog& log_;
  std::map<std::uint64_t, bool> is_worth_it_;  ///< by base offset, of those that were looked at
  /// Base offsets of those that did not come out the same together with others.
  std::set<std::uint64_t> alone_;
};

}  // namespace slipstream
