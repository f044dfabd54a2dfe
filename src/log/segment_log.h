#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "log/block.h"
#include "log/file.h"
#include "log/log.h"
#include "log/segment.h"
#include "log/segment_recovery.h"

namespace slipstream {

/// Takes segments that retention would remove out of the log's folder. Threads: the log's, one at a
/// time.
class SegmentKeeper {
 public:
  virtual ~SegmentKeeper() = default;
  /// Whether it was taken: the log forgets it then, and its file is not under its name any more.
  /// Else it is removed. Errors: of the device; it is tried again.
  virtual Result<bool> take(const SegmentInfo& segment) = 0;
};

struct SegmentLogOptions {
  std::uint64_t segment_bytes = std::uint64_t{128} << 20;  ///< a new segment begins beyond this
  std::int64_t segment_age_ms = 0;                         ///< or after this; 0: never
  /// Or when so many of its blocks lean: then it is worth rewriting. 0: never.
  std::uint64_t segment_leaning_blocks = 16'384;
  std::uint64_t retention_bytes = 0;  ///< 0: no limit
  std::int64_t retention_ms = 0;      ///< 0: no limit
  /// The lowest offset that may be given to a new entry: the checkpoint's. So no offset that
  /// results came of is ever used twice, even if the log's folder was lost. Where the log ends
  /// below it, the offsets between are lost, which is told now and by every later reader.
  std::uint64_t at_least_offset = 0;
  const Clock* clock = nullptr;  ///< for the age of segments; nothing: the system's
};

/// A log in one folder of segment files; docs/log_format.md describes them. One process has it at
/// a time (a lock).
/// Durability: what sync() has answered for is on the disk. A block that was appended but not
/// synced may be there after a crash, or not, or in part: then it is cut off. After a failed write
/// or sync the segment is cut back to what was synced and left for good, since the page cache
/// cannot be trusted after that, and the next append begins a new one. Blocks of one body stand in
/// one segment; sync() makes them durable only when the last one is there. Should the cutting fail
/// as well, the new segment makes void what the old one holds from its beginning on. The destructor
/// syncs nothing.
/// Threads: append() from one at a time; sync() from any beside it (one at a time gets through);
/// read_from(), look(), refuse() and the offsets from any; retain() and replace() from one at a
/// time, each, and one of them waits for the other. An append
/// that finds the log cut back by a failed sync is refused, as next_offset() tells.
class SegmentLog final : public Log {
 public:
  static Result<std::unique_ptr<SegmentLog>> open(FileSystem& files, FileSystem::Path folder,
                                                  const SegmentLogOptions& options = {});

  std::uint64_t first_offset() const override;
  std::uint64_t next_offset() const override { return next_.load(std::memory_order_acquire); }
  std::uint64_t synced_offset() const override { return synced_.load(std::memory_order_acquire); }
  Result<void> append(const LogBlock& block) override;
  bool may_lean() const override;
  Result<void> sync() override;
  Result<std::unique_ptr<LogReader>> read_from(std::uint64_t offset) override;
  Result<std::size_t> retain(std::uint64_t protect_offset, std::int64_t now_ns) override;

  /// Puts a segment that these were rewritten into (SegmentRewriter), and that is on the disk as
  /// `<name>` with kRewriteSuffix, in their place: it takes the first one's name, and then the
  /// others are removed. False: they are not as they were, and nothing was done. After an error
  /// either are there, or both, which counts as the new one; retain() and the next replace() try
  /// again to remove what is left over.
  Result<bool> replace(const std::vector<SegmentInfo>& old, const SegmentInfo& rewritten);
  std::uint64_t segment_bytes() const { return options_.segment_bytes; }
  /// How much time one rewritten segment may cover, so that retention by age finds segments that
  /// are old as a whole; 0: no limit.
  std::int64_t rewritten_span_ms() const {
    return options_.retention_ms > 0 ? std::max(options_.segment_age_ms, options_.retention_ms / 16)
                                     : 0;
  }

  /// Outlives the log. Before retain() is called.
  void keep_by(SegmentKeeper& keeper) { keeper_ = &keeper; }
  /// Looks whether the names of all segments still lead to them, and tells what is lost on the
  /// disk, each once. A segment that is being written and is gone takes no more: what was not
  /// synced into it fails, and the next append begins another. Errors: the system does not say.
  Result<std::vector<LostRange>> look();
  /// While there is a reason (the folder was deleted), append() fails with it, and so does the sync
  /// of what was appended before.
  void refuse(std::optional<Error> why);

  /// What opening found wrong and did about it, for people.
  const std::vector<std::string>& findings() const { return findings_; }
  /// What opening found lost of data that may have been acknowledged. Only the last segment is
  /// looked through; readers and verify_log() find the rest.
  const std::vector<LostRange>& lost() const { return lost_; }
  /// As much of each segment as is synced now: for verify_segments(), which may go on while the log
  /// is written.
  std::vector<SegmentInfo> synced_segments() const;
  /// retain() has removed what is below, or is about to: that it is gone is no damage.
  std::uint64_t retained_from() const { return retained_from_.load(std::memory_order_acquire); }
  /// On disk, and in how many files.
  std::uint64_t bytes() const;
  std::size_t segments() const;

 private:
  SegmentLog(FileSystem& files, FileSystem::Path folder, const SegmentLogOptions& options);

  Result<void> recover();
  void remove_unfinished();
  Result<void> remove_leftover();
  bool has_leftover(const SegmentInfo& holder) const;
  Result<void> let_go(const SegmentInfo& segment);
  Result<void> go_on_after(const LogEnd& end, std::shared_ptr<File> last);
  Result<void> refuse_unfit(const LogBlock& block) const;
  bool roll_is_due() const;
  Result<void> roll();
  Result<void> create_segment();
  Result<void> write(const LogBlock& block);
  void cut_back();
  std::optional<Error> trouble() const;
  std::vector<LostRange> note_gone(const std::vector<SegmentInfo>& looked_for);
  std::vector<SegmentInfo> synced_now() const;
  const Clock& clock() const;

  FileSystem& files_;
  const FileSystem::Path folder_;
  const SegmentLogOptions options_;
  std::unique_ptr<FolderLock> lock_;
  std::vector<std::string> findings_;
  std::vector<LostRange> lost_;
  SegmentKeeper* keeper_ = nullptr;

  std::mutex reshape_mutex_;  // held through retain() and replace(); taken before all others
  std::vector<std::string> leftover_;  // guarded by it: names of what another segment holds now
  // Held through a sync, since of two at once on one file only one is told of a failure. Taken
  // before mutex_; a change of the active segment takes both.
  std::mutex sync_mutex_;
  mutable std::mutex mutex_;           // guards all below
  std::vector<SegmentInfo> segments_;  // by offset; the last is the active one, if there is any
  std::shared_ptr<File> active_;
  SteadyTime active_since_ = kNever;  // its age goes by the steady clock
  std::uint64_t active_synced_bytes_ = 0;
  std::uint64_t active_leaning_ = 0;  // blocks
  std::uint64_t resumes_from_ = 0;    // of the next segment
  /// A body of several blocks that is being appended: where it began.
  struct OpenBody {
    std::uint64_t offset;
    std::uint64_t segment_bytes;
  };
  std::optional<OpenBody> open_body_;
  bool may_lean_ = false;  ///< the last append was taken, by the active segment
  std::uint64_t cut_backs_ = 0;
  std::optional<Error> refused_;
  bool active_is_gone_ = false;
  BlockEncoder encoder_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<std::uint64_t> synced_{0};
  std::atomic<std::uint64_t> retained_from_{0};
};

}  // namespace slipstream
