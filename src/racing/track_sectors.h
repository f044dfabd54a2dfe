#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/sinks.h"

namespace slipstream {

struct TrackLayout;

/// The sectors of race tracks: from a TRACK_SECTORS_PATH file, or the seven built-in circuits.
/// A track that is not listed is 5,000 m in three equal sectors; a distance in no sector belongs to
/// the last one.
/// Threads: all functions from any. A look-up allocates nothing and, unless the table was replaced
/// since the thread's last look-up, takes no lock and writes no shared memory.
class TrackSectors final : public SectorMap {
 public:
  /// The built-in circuits.
  TrackSectors();
  ~TrackSectors() override;
  TrackSectors(const TrackSectors&) = delete;
  TrackSectors& operator=(const TrackSectors&) = delete;

  /// The circuits of the file; the built-in ones when `path` is empty.
  /// Errors name the file, the place in it and what was expected there.
  static Result<std::unique_ptr<TrackSectors>> open(const std::string& path);

  /// Replaces the table, as open() would read it. After an error the old table stays in force.
  Result<void> reload(const std::string& path);

  std::int32_t sector_at(std::string_view name, double lapdist_m) const override;
  std::int32_t sector_count(std::string_view name) const;
  double total_m(std::string_view name) const;

  static constexpr std::size_t kMaxFileBytes = std::size_t{4} << 20;
  static constexpr std::size_t kMaxTracks = 4'096;
  static constexpr std::size_t kMaxSectors = 256;

 private:
  struct Table;
  explicit TrackSectors(std::shared_ptr<const Table> table);
  static Result<std::shared_ptr<const Table>> read(const std::string& path);
  static std::shared_ptr<const Table> built_in();
  const TrackLayout& track(std::string_view name) const;
  void install(std::shared_ptr<const Table> table);

  mutable std::mutex mutex_;                // guards table_
  std::shared_ptr<const Table> table_;      // the one in force
  std::atomic<std::uint64_t> version_ = 0;  // of table_; no two tables of a process share one
};

}  // namespace slipstream
