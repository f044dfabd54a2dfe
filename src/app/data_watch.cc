#include "app/data_watch.h"

#include <fmt/format.h>

#include <utility>

#include "app/recovery.h"
#include "ops/logging.h"
#include "store/schema_sql.h"

namespace slipstream {

void DataWatch::begin() {
  const auto& data = parts_.config.store.data_dir;
  const auto database = data / kStoreFile;
  files_.add(data);
  files_.add(log_folder(parts_.config));
  files_.add(database);
  auto wal = database;
  files_.add(wal += "-wal");
}

void DataWatch::look() {
  auto trouble = files_.look();
  const bool is_whole = !trouble;
  note(std::move(trouble));
  if (!is_whole) return;
  const auto lost = parts_.log->look();
  if (!lost || lost->empty()) return;
  for (const LostRange& range : *lost) {
    log_error("a file of the log is gone: points in it cannot be read again",
              {{"file", range.file},
               {"from", std::to_string(range.from)},
               {"to", std::to_string(range.to)},
               {"why", range.why}});
  }
  parts_.lost.add(*lost);
}

void DataWatch::note(std::optional<std::string> trouble) {
  if (trouble == this->trouble()) return;
  std::optional<Error> why;
  if (trouble) {
    why = Error{*trouble, ErrorCode::kIo};
    log_error(
        fmt::format(
            "files were deleted or replaced under the server: {} until they are back, or "
            "the server is started again",
            parts_.config.has_segment_log() ? "nothing is acknowledged" : "rollups are not stored"),
        {{"what", *trouble}});
  } else {
    log_warn("the files that were gone are back");
  }
  parts_.log->refuse(why);
  parts_.store->refuse(why);
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
}

std::optional<std::string> DataWatch::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

}  // namespace slipstream
