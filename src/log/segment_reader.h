#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/block.h"
#include "log/log.h"
#include "log/segment.h"
#include "log/segment_scanner.h"

namespace slipstream {

/// Reads what a list of segments held when the list was made, in offsets [from, to). Where some of
/// them were rewritten into another one meanwhile, it goes on in that one.
class SegmentReader final : public LogReader {
 public:
  /// `bytes` of a segment limits how much of its file is read.
  SegmentReader(FileSystem& files, FileSystem::Path folder, std::vector<SegmentInfo> segments,
                std::uint64_t from, std::uint64_t to);

  Result<std::optional<LogBlock>> next() override;
  const std::vector<LostRange>& lost() const override { return lost_; }
  std::uint64_t bytes_left() const override;

 private:
  struct Cause {
    std::string file;
    std::string why;
  };

  /// Whether there is one more.
  Result<bool> begin_segment();
  void close_segment();
  void put_in_place(const SegmentInfo& rewritten);
  Result<std::optional<LogBlock>> take(const Piece& piece);
  void blame(std::string why);
  void skip_to(std::uint64_t offset);
  Cause cause_of_gap() const;
  /// What the current segment holds from here on is void: the next one begins anew there, or is
  /// going to.
  std::uint64_t void_from() const;

  FileSystem& files_;
  const FileSystem::Path folder_;
  std::vector<SegmentInfo> segments_;
  const std::uint64_t to_;
  std::size_t current_ = 0;  ///< the segment that scanner_ is in, or the next to open
  std::unique_ptr<SegmentScanner> scanner_;
  std::uint64_t expected_;      ///< all below was given or lost
  std::optional<Cause> cause_;  ///< of what is missing from expected_ on
  std::vector<LostRange> lost_;
  BlockDecoder decoder_;
};

}  // namespace slipstream
