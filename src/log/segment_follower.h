#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "log/block.h"
#include "log/log.h"
#include "log/segment.h"
#include "log/segment_scanner.h"

namespace slipstream {

/// Reads a log beside whoever writes it, from an offset on, and goes on as it grows. Takes no lock,
/// changes nothing, and holds one file open. A block or body that is half written is given once it
/// is whole; what is damaged, or was removed before it was read, is told as lost. Where the open
/// segment's name leads to another file it goes on in that one, at the same position. What it gives
/// may not be on the disk yet: sync() sees to that. One thread.
class SegmentFollower {
 public:
  /// Begins with the block that holds `from`, or those that it leans on. The segments need not be
  /// there yet.
  SegmentFollower(FileSystem& files, FileSystem::Path folder, std::uint64_t from)
      : files_(files), folder_(std::move(folder)), position_(from) {}

  /// Nothing: no more for now. The payload is good until the next call. Errors: of the device, or a
  /// segment of a version that is not known (kVersion); next() may be tried again.
  Result<std::optional<LogBlock>> next();
  /// All below was given, or lost.
  std::uint64_t position() const { return position_; }
  /// What was lost since it was asked last.
  std::vector<LostRange> take_lost() { return std::exchange(lost_, {}); }
  /// Makes what was given so far durable, whoever wrote it. Errors: the disk does not take it.
  Result<void> sync();

 private:
  /// At the end of what the open segment had. Whether there is more by now, in it or in another.
  Result<bool> go_on(const SegmentScanner::Place& place, bool is_void,
                     std::optional<std::string> at_end);
  Result<bool> has_next() const;
  /// Whether the open segment's name leads to another file by now.
  Result<bool> is_replaced() const;
  /// Whether there is a segment to go on in, other than the one that is open. `at_end`: what was
  /// wrong at the end of that.
  Result<bool> open_next(std::optional<std::string> at_end);
  /// The segment that holds `position_`, or the next one; nothing: there is none but the open one.
  std::optional<std::size_t> find_next(const std::vector<SegmentInfo>& segments) const;
  void lose_up_to(std::uint64_t offset, std::string why);

  FileSystem& files_;
  const FileSystem::Path folder_;
  std::uint64_t position_;
  SegmentInfo segment_;            ///< that is open
  FileIdentity identity_;          ///< of its file
  std::unique_ptr<File> size_of_;  ///< the same file once more: the scanner keeps its own
  std::unique_ptr<SegmentScanner> scanner_;
  std::uint64_t end_ = 0;        ///< as far as the scanner reads
  std::uint64_t void_from_ = 0;  ///< what the segment holds from here on stands in another one
  bool is_synced_ = true;
  std::optional<std::string> damage_;  ///< before what comes next
  std::vector<LostRange> lost_;
  BlockDecoder decoder_;
};

}  // namespace slipstream
