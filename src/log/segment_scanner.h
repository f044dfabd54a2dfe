#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "log/block.h"
#include "log/file.h"

namespace slipstream {

/// Asked before bytes are read; may take its time. False: reading ends with an error.
using MayRead = std::function<bool(std::size_t bytes)>;

/// A view of a file that moves forward, read in large chunks.
class FileWindow {
 public:
  FileWindow(std::unique_ptr<File> file, std::uint64_t end, MayRead may_read = {})
      : file_(std::move(file)), end_(end), may_read_(std::move(may_read)) {}
  /// `size` bytes from `position`, fewer only at the end; good until the next call.
  Result<std::string_view> bytes(std::uint64_t position, std::size_t size);
  std::uint64_t end() const { return end_; }
  /// The file goes on to there by now. What was read at its end is read again: it may have been cut
  /// off and written anew.
  void extend(std::uint64_t end) {
    end_ = end;
    size_ = 0;
  }

  static constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

 private:
  std::unique_ptr<File> file_;
  std::uint64_t end_;
  MayRead may_read_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::uint64_t start_ = 0;  ///< of the buffer, in the file
  std::size_t size_ = 0;
};

enum class PieceKind {
  kBlock,
  kDamaged,     ///< something whole follows it, or it has its full length
  kTruncated,   ///< a block's header is whole, but the file ends before the block does
  kTorn,        ///< less than a header, or nothing but zeros, up to the end of the file
  kUnreadable,  ///< no block header up to the end of the file
  kEnd,
};

/// A stretch of a segment's file.
struct Piece {
  PieceKind kind = PieceKind::kEnd;
  std::uint64_t position = 0;
  std::uint64_t bytes = 0;
  std::uint64_t from = 0;           ///< offsets
  std::optional<std::uint64_t> to;  ///< nothing: unknown (kTorn, kUnreadable)
  BlockHeader header;               ///< of kBlock
  std::string_view stored;          ///< the payload of kBlock as it lies on disk
  bool is_passed_over = false;      ///< of kBlock: it is not asked for, and was not looked at
  std::string why;                  ///< what is wrong
};

/// Walks through the blocks of one segment and gets by whatever is damaged: where no valid header
/// is, it searches for the next one. A body of several blocks counts as a whole or not at all:
/// before its first block is given the others are looked at, and where one of them is damaged or
/// not there, all of it is one piece that cannot be read. So are a block that is lost and those
/// that lean on it. Threads: one.
class SegmentScanner {
 public:
  /// Reads no further than `end` bytes.
  SegmentScanner(std::unique_ptr<File> file, std::uint64_t base_offset, std::uint64_t end,
                 MayRead may_read = {});

  /// A block wholly below `from_offset` is passed over: its payload is neither given nor checked.
  /// Where a block leans on some that were, it goes back to those and gives them. After an error of
  /// the device the same piece can be asked for again.
  Result<Piece> next(std::uint64_t from_offset = 0);
  std::uint64_t bytes_left() const { return window_.end() - position_; }

 private:
  enum class Chain { kLost, kPassedOver, kGiven };

 public:
  /// Where it is in the file, so that it can come back to there once the file has grown.
  struct Place {
    std::uint64_t position;
    std::uint64_t expected;
    std::uint64_t whole_to;
    Chain chain;
    std::uint64_t chain_position;
    std::uint64_t chain_from;
    std::uint64_t wanted_to;
  };
  Place place() const {
    return {position_, expected_, whole_to_, chain_, chain_position_, chain_from_, wanted_to_};
  }
  /// Pieces from `place` on are given once more. `end`: as far as the file goes by now.
  void go_back(const Place& place, std::uint64_t end) {
    position_ = place.position;
    expected_ = place.expected;
    whole_to_ = place.whole_to;
    chain_ = place.chain;
    chain_position_ = place.chain_position;
    chain_from_ = place.chain_from;
    wanted_to_ = place.wanted_to;
    window_.extend(end);
  }

 private:
  Result<Piece> next_whole(std::uint64_t from_offset);
  Result<Piece> with_leaning(Piece lost, std::uint64_t from_offset);
  Result<Piece> next_alone(std::uint64_t from_offset);
  Result<Piece> block(const BlockHeader& header, std::uint64_t from_offset);
  Result<Piece> body(const Piece& first, std::uint64_t from_offset);
  Result<Piece> search();
  Result<Piece> unreadable(std::string why);
  Result<bool> is_blank_to_the_end();
  std::optional<BlockHeader> parse(std::string_view bytes, std::uint64_t position) const {
    return parse_block_header(bytes, {base_offset_, position});
  }

  FileWindow window_;
  const std::uint64_t base_offset_;
  std::uint64_t position_;
  std::uint64_t expected_;      ///< the offset after the last header that was readable
  std::uint64_t whole_to_ = 0;  ///< up to this place in the file bodies are known to be whole

  Chain chain_ = Chain::kLost;  ///< what the next block may lean on
  std::uint64_t chain_position_ = 0;
  std::uint64_t chain_from_ = 0;  ///< the offset
  std::uint64_t wanted_to_ = 0;   ///< up to this place in the file nothing is passed over
};

}  // namespace slipstream
