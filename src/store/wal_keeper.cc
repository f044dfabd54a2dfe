#include "store/wal_keeper.h"

#include <system_error>
#include <utility>

#include "base/file_lock.h"

namespace slipstream {
namespace {

// Of SQLite's format: each reader locks one of five bytes of the -shm file.
constexpr LockedBytes kReadLocks{123, 127};

std::uint64_t size_of(const std::filesystem::path& file) {
  std::error_code none;
  const auto bytes = std::filesystem::file_size(file, none);
  return none ? 0 : bytes;
}

std::filesystem::path beside(std::filesystem::path database, const char* suffix) {
  return database += suffix;
}

}  // namespace

WalKeeper::WalKeeper(Database& writer, const std::filesystem::path& database)
    : writer_(writer), wal_(beside(database, "-wal")), index_(beside(database, "-shm")) {}

Result<void> WalKeeper::tend(SteadyTime now) {
  if (now < due_) return {};
  due_ = now + kAtRestNs;
  auto progress = writer_.checkpoint(SQLITE_CHECKPOINT_PASSIVE);
  if (progress) look(now, *progress);
  const bool is_long = size_of(wal_) > kBoundBytes;
  if (is_long || stuck_at_) due_ = now + kPressedNs;
  if (progress && is_long && !stuck_at_) {
    // Waits a moment for the program's own readers, and is tried again where that was too short.
    progress = writer_.checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
  }
  {
    const std::lock_guard lock(mutex_);
    state_.bytes = size_of(wal_);
  }
  if (!progress) return std::unexpected(progress.error());
  return {};
}

void WalKeeper::look(SteadyTime now, const Database::WalProgress& progress) {
  if (progress.copied >= progress.frames) {
    stuck_at_.reset();
  } else if (stuck_at_ != progress.copied) {
    stuck_at_ = progress.copied;
    stuck_since_ = now;
  }
  std::string reader = stuck_at_ ? record_lock_holders(index_, kReadLocks) : std::string();
  const std::lock_guard lock(mutex_);
  state_.held_ns = stuck_at_ ? now - stuck_since_ : 0;
  state_.reader = std::move(reader);
}

WalState WalKeeper::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

}  // namespace slipstream
