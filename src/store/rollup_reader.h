#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "model/tags.h"

namespace slipstream {

/// Which rollups to read. Times are of a rollup's last point.
struct RollupFilter {
  std::string window = {};  ///< empty: all
  std::string track = {};
  std::string chassis = {};
  TagFilter tags = {};
  std::optional<EventTime> from = {};  ///< inclusive
  std::optional<EventTime> to = {};    ///< exclusive
};

/// All stored rollups, oldest first, for who has no part in the running server: creates nothing and
/// changes nothing. It reads page by page, each in a transaction of its own that has ended before
/// the page is given out, so that whoever takes slowly keeps nothing in the server from going on.
/// What is promised therefore: each rollup that was committed when it was opened comes, once, but
/// for those that retention has removed meanwhile; younger ones do not come. One thread.
class RollupReader {
 public:
  /// Of a data directory.
  static std::filesystem::path database_path(const std::filesystem::path& data_dir);
  static Result<std::unique_ptr<RollupReader>> open(const std::filesystem::path& data_dir);
  ~RollupReader();

  /// How far the log had come at least, by what is committed; 0: not known.
  Result<std::uint64_t> log_offset();
  Result<std::uint64_t> count(const RollupFilter& filter);
  /// Gives each as JSON; an error of `take` ends it.
  Result<void> for_each(const RollupFilter& filter,
                        const std::function<Result<void>(const std::string&)>& take);

 private:
  struct Impl;
  explicit RollupReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipstream
