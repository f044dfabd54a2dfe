#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace slipstream {

/// A batch of records; what is in it is the caller's business. It covers the offsets
/// [base_offset, base_offset + count). Of a small block that leans the times may not be kept.
struct LogBlock {
  std::uint64_t base_offset = 0;
  std::uint32_t count = 0;
  std::int64_t min_time_ns = 0;
  std::int64_t max_time_ns = 0;
  std::string_view payload;
  /// The next block belongs to the same body: readers give all blocks of a body or none of them.
  /// The first one without it is the body's last.
  bool goes_on = false;
  /// Its payload goes on with that of the block before: readers give those up to the last one that
  /// does not lean before it, or none of them.
  bool leans = false;
  std::string_view file = {};  ///< where it was read from, as the payload

  std::uint64_t end_offset() const { return base_offset + count; }
};

/// Offsets [from, to) that should be in the log and cannot be read.
struct LostRange {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::string file;
  std::string why;
};

/// Goes once through the log. Every offset between where it began and where the log was synced at
/// that time is either in one block that it gives, or in lost(), or was given up when the log was
/// opened: the offsets of a torn write, which nobody was told of. Blocks of one body are given all
/// together, one call after the other, or reported all together. Where the first block leans on
/// others, those are given before it, though they are wholly before the beginning.
/// Threads: one at a time; the log goes on beside it.
class LogReader {
 public:
  virtual ~LogReader() = default;
  /// Nothing: the end. The payload is good until the next call. A damaged block is skipped and
  /// reported in lost(); an error is one of the device, and next() may be tried again.
  virtual Result<std::optional<LogBlock>> next() = 0;
  virtual const std::vector<LostRange>& lost() const = 0;
  /// Bytes on disk still to be read, for progress.
  virtual std::uint64_t bytes_left() const = 0;
};

/// An append-only sequence of blocks, by offset. Offsets only grow, and what is synced stays.
class Log {
 public:
  virtual ~Log() = default;

  /// The oldest offset there is; next_offset() where the log is empty.
  virtual std::uint64_t first_offset() const = 0;
  /// Where the next block begins.
  virtual std::uint64_t next_offset() const = 0;
  /// All below is durable.
  virtual std::uint64_t synced_offset() const = 0;

  /// Errors:
  ///   - The block does not begin at next_offset(), or (ErrorCode::kRefused) covers no offset or is
  ///     larger than the format allows: the log is as before, but without earlier blocks of the
  ///     same unfinished body.
  ///   - Any other, and any error of sync(): next_offset() is synced_offset() again. All from there
  ///     on is to be appended once more.
  virtual Result<void> append(const LogBlock& block) = 0;
  /// Whether the next block may lean on the one before, which is the last that append() took; never
  /// within a body. One that leans where it may not is refused, as if it could not be written.
  virtual bool may_lean() const { return false; }
  /// Makes durable all that was appended before the call, but for a body whose last block is still
  /// to come.
  virtual Result<void> sync() = 0;

  /// Begins with the block that holds `offset`, or those that it leans on, and ends where the log
  /// is synced now.
  virtual Result<std::unique_ptr<LogReader>> read_from(std::uint64_t offset) = 0;

  /// Removes the oldest data that the log's options let go, but nothing from `protect_offset` on.
  /// Returns how many files went.
  virtual Result<std::size_t> retain(std::uint64_t protect_offset, std::int64_t now_ns) = 0;
};

}  // namespace slipstream
