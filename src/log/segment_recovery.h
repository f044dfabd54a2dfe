#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "log/file.h"
#include "log/log.h"
#include "log/segment.h"

namespace slipstream {

/// What the last segment says about where the log goes on.
struct LogEnd {
  std::uint64_t next_offset = 0;      ///< above whatever can still be read
  std::uint64_t resumes_from = 0;     ///< the end of what is whole; up to next_offset is given up
  std::uint64_t whole_bytes = 0;      ///< the file is to be cut to this many
  bool appendable = false;            ///< else the next block goes to a new segment
  bool evidence = false;              ///< bytes at the end that may be somebody's data, unreadable
  std::vector<std::string> findings;  ///< for people
  std::vector<LostRange> lost;        ///< what may have been acknowledged
};

/// Reads only. The rules are those of docs/log_format.md, "The end of the log".
Result<LogEnd> find_log_end(FileSystem& files, const FileSystem::Path& folder,
                            const SegmentInfo& last);

}  // namespace slipstream
