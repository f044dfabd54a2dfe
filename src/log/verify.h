#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "log/file.h"
#include "log/log.h"
#include "log/segment.h"
#include "log/segment_scanner.h"

namespace slipstream {

struct SegmentReport {
  std::string file;
  std::uint64_t base_offset = 0;
  std::uint64_t end_offset = 0;
  std::uint64_t blocks = 0;      ///< whole, and not void
  std::uint64_t bytes = 0;       ///< of the file
  std::uint64_t raw_bytes = 0;   ///< of the blocks' payloads, uncompressed
  std::int64_t min_time_ns = 0;  ///< of those that have times; 0 and 0: no blocks
  std::int64_t max_time_ns = 0;
  std::uint64_t given_up_from = 0;  ///< offsets [this, base_offset) were given up when it began
  std::uint64_t void_bytes = 0;     ///< at its end, what a newer segment holds instead
};

enum class LogFaultKind {
  kTruncatedFile,   ///< the file ends too early; the log's last file: perhaps a torn write
  kDamagedBlock,    ///< a header or a payload that does not match its checksum
  kDamagedHeader,   ///< of a segment; its blocks are read all the same
  kMissingSegment,  ///< no file holds the offsets
  kUnknownVersion,  ///< a segment of another format
  kUnreadable,      ///< the device or the system refuses
};
std::string_view to_string(LogFaultKind kind);

struct LogFault {
  LogFaultKind kind = LogFaultKind::kDamagedBlock;
  std::string file;
  std::uint64_t position = 0;  ///< byte in the file
  std::uint64_t from = 0;      ///< offsets [from, to) that cannot be read; none or unknown: equal
  std::uint64_t to = 0;
  std::string what;
};

struct LogReport {
  std::vector<SegmentReport> segments;
  std::vector<LogFault> faults;  ///< by offset
  bool whole() const { return faults.empty(); }
};

/// For whoever wants to look on.
struct LogWatch {
  /// Given each block whose payload is as it was appended; an error makes it a damaged one.
  std::function<Result<void>(const LogBlock&)> check = {};
  /// Told how many bytes of the log are done.
  std::function<void(std::uint64_t bytes)> progress = {};
  /// The log is known to have reached this offset; where it ends before, it has lost its end.
  std::uint64_t at_least_offset = 0;
  /// Given each fault when it is found.
  std::function<void(const LogFault&)> found = {};
  /// Asked before each read; false: it ends there, which is no fault.
  MayRead may_read = {};
  /// No payload is uncompressed, and `check` not called: that is nearly all of the work, and
  /// damage on the disk shows in the checksums.
  bool checksums_only = false;
};

/// Reads and checks every byte of a log; changes nothing and takes no lock. Where the log is being
/// written, its last block may be seen half written: a truncated file.
LogReport verify_log(FileSystem& files, const FileSystem::Path& folder, const LogWatch& watch = {});
/// The same, of these segments and no more than their `bytes`.
LogReport verify_segments(FileSystem& files, const FileSystem::Path& folder,
                          const std::vector<SegmentInfo>& segments, const LogWatch& watch = {});

}  // namespace slipstream
