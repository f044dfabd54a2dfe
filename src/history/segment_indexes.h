#pragma once
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/counters.h"
#include "history/segment_index.h"

namespace slipstream {

/// The indexes of a log's sealed segments, each in a file beside its segment. One that is missing,
/// damaged, or of another file than the one that has the segment's name is as none, and made anew.
/// Threads: tend() on one; all others from any.
class SegmentIndexes {
 public:
  struct Stats {
    Gauge indexed;   ///< sealed segments with an index
    Gauge sealed;    ///< sealed segments
    Gauge bytes;     ///< of the files
    Gauge damaged;   ///< segments that cannot have one, since they are damaged themselves
    Counter built;   ///< since the start
    Counter untrue;  ///< indexes that were found damaged or wrong, and thrown away
  };

  /// Whose files they are: this process's, or another's, which is only read from.
  enum class Files : std::uint8_t { kOwn, kOthers };

  SegmentIndexes(FileSystem& files, FileSystem::Path folder, Files whose = Files::kOwn)
      : files_(files), folder_(std::move(folder)), whose_(whose) {}

  /// nullptr: there is none to be believed.
  std::shared_ptr<const SegmentIndex> find(const SegmentInfo& segment);
  /// What it said was not so.
  void distrust(const SegmentInfo& segment);
  /// Makes one index that is missing, and removes those whose segments are gone. `segments`: of the
  /// log by offset, of which the last is open. False: nothing is left to be done. Errors: of the
  /// device; `may_read` said no.
  Result<bool> tend(const std::vector<SegmentInfo>& segments, const MayRead& may_read);
  const Stats& stats() const { return stats_; }

  /// Of indexes in memory; beyond it what was not used for the longest goes.
  static constexpr std::size_t kHeldBytes = std::size_t{64} << 20;
  static constexpr std::size_t kMaxFileBytes = std::size_t{256} << 20;

 private:
  struct Held {
    std::string name;
    std::shared_ptr<const SegmentIndex> index;
  };
  Result<std::shared_ptr<const SegmentIndex>> load(const SegmentInfo& segment);
  Result<void> write(const std::string& name, std::string_view bytes);
  Result<void> remove_leftover(const std::vector<SegmentInfo>& segments);
  void hold(const std::string& name, std::shared_ptr<const SegmentIndex> index);
  void forget(const std::string& name);

  FileSystem& files_;
  const FileSystem::Path folder_;
  const Files whose_;
  Stats stats_;
  std::map<std::string, std::uint64_t> sizes_;  ///< of files, by name; tend()'s alone
  /// Of damaged segments, by name: how long the file was. tend()'s alone.
  std::map<std::string, std::uint64_t> unfit_;
  std::mutex mutex_;      // guards all below
  std::list<Held> held_;  ///< what was used last first
  std::size_t held_bytes_ = 0;
};

/// What is wrong with a log's indexes, for people; empty: they are as their segments are. Reads all
/// of the segments that have one, and changes nothing. A file that is of an earlier state of its
/// segment is no fault: it is not believed, and made anew.
struct IndexFault {
  std::string file;
  std::string what;
};
Result<std::vector<IndexFault>> verify_indexes(FileSystem& files, const FileSystem::Path& folder);

}  // namespace slipstream
