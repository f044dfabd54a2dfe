#pragma once
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "log/file.h"

namespace slipstream::log_testing {

/// What goes wrong from now on; chances are percent of the calls.
struct Faults {
  unsigned short_writes = 0;
  unsigned failed_writes = 0;
  unsigned failed_syncs = 0;
  unsigned failed_truncates = 0;
  unsigned failed_creates = 0;
  unsigned failed_removes = 0;
  /// A failed sync drops the pages, so that a later sync succeeds without them.
  bool failed_sync_loses_pages = false;
  std::uint64_t disk_bytes = std::numeric_limits<std::uint64_t>::max();
};

/// A file system in memory that knows what is on the disk and what only in the page cache. The same
/// for the same seed and calls. Folders exist when named. Handles opened before a crash are dead.
/// Threads: any.
class FaultyFileSystem final : public FileSystem {
 public:
  explicit FaultyFileSystem(std::uint64_t seed = 1) : random_(seed) {}

  void set_faults(const Faults& faults) { faults_ = faults; }
  /// Called with each name before it is opened for reading.
  void before_open(std::function<void(const Path&)> call) { before_open_ = std::move(call); }
  /// The disk gives no byte of it any more.
  void make_unreadable(const Path& path) {
    const std::lock_guard lock(mutex_);
    names_.at(path.string())->is_unreadable = true;
  }
  /// As when a new file gets the number of one that is gone.
  void set_identity(const Path& path, FileIdentity identity) {
    const std::lock_guard lock(mutex_);
    names_.at(path.string())->inode = identity.inode;
  }

  /// The power goes: of what was not synced a random part stays, and its last sector may be
  /// garbage; of what was done to names a random number of the first steps.
  void crash() {
    const std::lock_guard lock(mutex_);
    ++life_;
    locks_.clear();
    for (std::size_t kept = pick(steps_.size() + 1), i = 0; i < kept; ++i) steps_[i](durable_);
    steps_.clear();
    names_ = durable_;
    std::set<Node*> done;
    for (auto& [path, node] : names_) {
      if (done.insert(node.get()).second) tear(*node);
    }
  }

  std::string content(const Path& path) {
    const std::lock_guard lock(mutex_);
    const auto it = names_.find(path.string());
    return it == names_.end() ? std::string() : it->second->cached;
  }
  /// On the disk as well, as if it had always been so.
  void set_content(const Path& path, std::string bytes) {
    const std::lock_guard lock(mutex_);
    auto& node = names_[path.string()];
    if (!node) node = std::make_shared<Node>();
    durable_[path.string()] = node;
    node->cached = node->durable = std::move(bytes);
    node->dropped.clear();
  }
  /// On the disk as well.
  void delete_for_good(const Path& path) {
    const std::lock_guard lock(mutex_);
    names_.erase(path.string());
    durable_.erase(path.string());
  }
  void flip(const Path& path, std::size_t position, unsigned char mask = 0xFF) {
    std::string bytes = content(path);
    bytes.at(position) = static_cast<char>(bytes.at(position) ^ mask);
    set_content(path, std::move(bytes));
  }

  /// Of files: what was written and not synced may be lost by each.
  std::uint64_t failed_syncs() {
    const std::lock_guard lock(mutex_);
    return failed_syncs_;
  }

  Result<std::unique_ptr<File>> open_append(const Path& path, OpenMode mode) override {
    const std::lock_guard lock(mutex_);
    const std::string name = path.string();
    auto it = names_.find(name);
    if (mode == OpenMode::kExisting) {
      if (it == names_.end()) return failed(name, ENOENT);
    } else {
      if (it != names_.end()) return failed(name, EEXIST);
      if (happens(faults_.failed_creates)) return failed(name, ENOSPC);
      step([name, node = std::make_shared<Node>()](Names& names) { names[name] = node; });
      it = names_.find(name);
    }
    return std::make_unique<Handle>(*this, it->second);
  }

  Result<std::unique_ptr<File>> open_read(const Path& path) override {
    if (before_open_) before_open_(path);
    const std::lock_guard lock(mutex_);
    const auto it = names_.find(path.string());
    if (it == names_.end()) return failed(path.string(), ENOENT);
    return std::make_unique<Handle>(*this, it->second);
  }

  Result<std::vector<std::string>> list(const Path& folder) override {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    for (const auto& [name, node] : names_) {
      if (Path(name).parent_path() == folder) found.push_back(Path(name).filename().string());
    }
    return found;
  }

  Result<void> remove(const Path& path) override {
    const std::lock_guard lock(mutex_);
    const std::string name = path.string();
    if (happens(faults_.failed_removes)) return failed(name, EIO);
    if (!names_.contains(name)) return failed(name, ENOENT);
    step([name](Names& names) { names.erase(name); });
    return {};
  }

  Result<void> rename(const Path& from, const Path& to) override {
    const std::lock_guard lock(mutex_);
    if (!names_.contains(from.string())) return failed(from.string(), ENOENT);
    step([from = from.string(), to = to.string()](Names& names) {
      names[to] = names[from];
      names.erase(from);
    });
    return {};
  }

  Result<void> link(const Path& from, const Path& to) override {
    const std::lock_guard lock(mutex_);
    if (!names_.contains(from.string())) return failed(from.string(), ENOENT);
    if (names_.contains(to.string())) return failed(to.string(), EEXIST);
    step([from = from.string(), to = to.string()](Names& names) { names[to] = names[from]; });
    return {};
  }

  Result<std::optional<FileIdentity>> identity(const Path& path) override {
    const std::lock_guard lock(mutex_);
    const auto it = names_.find(path.string());
    if (it == names_.end()) return std::nullopt;
    return identity_of(*it->second);
  }

  Result<void> make_directories(const Path&) override { return {}; }

  Result<std::uint64_t> free_bytes(const Path&) override {
    const std::lock_guard lock(mutex_);
    const std::uint64_t used_now = used();
    return faults_.disk_bytes > used_now ? faults_.disk_bytes - used_now : 0;
  }

  Result<void> sync_directory(const Path& folder) override {
    const std::lock_guard lock(mutex_);
    if (happens(faults_.failed_syncs)) return failed(folder.string(), EIO);
    durable_ = names_;
    steps_.clear();
    return {};
  }

  Result<std::unique_ptr<FolderLock>> lock(const Path& folder) override {
    const std::lock_guard lock(mutex_);
    if (!locks_.insert(folder.string()).second) return fail(folder.string() + " is in use");
    return std::make_unique<Lock>(*this, folder.string());
  }

 private:
  struct Node {
    std::string cached;
    std::string durable;
    std::vector<std::pair<std::size_t, std::size_t>> dropped;  // pages that no sync brings out
    bool is_unreadable = false;
    std::uint64_t inode = 0;  // 0: its own
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;

  class Handle final : public File {
   public:
    Handle(FaultyFileSystem& files, std::shared_ptr<Node> node)
        : files_(files), node_(std::move(node)), life_(files.life_) {}

    Result<std::size_t> write(std::string_view bytes) override {
      const std::lock_guard lock(files_.mutex_);
      if (dead()) return failed("file", EBADF);
      if (files_.happens(files_.faults_.failed_writes)) return failed("file", EIO);
      const std::uint64_t used = files_.used();
      const std::uint64_t room =
          files_.faults_.disk_bytes > used ? files_.faults_.disk_bytes - used : 0;
      if (room == 0 && !bytes.empty()) return failed("file", ENOSPC);
      std::size_t taken = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), room));
      if (taken > 1 && files_.happens(files_.faults_.short_writes)) {
        taken = 1 + files_.pick(taken - 1);
      }
      node_->cached.append(bytes.substr(0, taken));
      return taken;
    }

    Result<std::size_t> read_at(std::uint64_t position, std::span<char> into) override {
      const std::lock_guard lock(files_.mutex_);
      if (dead()) return failed("file", EBADF);
      if (node_->is_unreadable) return failed("file", EIO);
      if (position >= node_->cached.size()) return std::size_t{0};
      return node_->cached.copy(into.data(), into.size(), static_cast<std::size_t>(position));
    }

    Result<void> sync() override {
      const std::lock_guard lock(files_.mutex_);
      if (dead()) return failed("file", EBADF);
      if (files_.happens(files_.faults_.failed_syncs)) {
        ++files_.failed_syncs_;
        const std::size_t from = std::min(node_->durable.size(), node_->cached.size());
        if (files_.faults_.failed_sync_loses_pages && from < node_->cached.size()) {
          node_->dropped.emplace_back(from, node_->cached.size());
        }
        return failed("file", EIO);
      }
      node_->durable = node_->cached;
      for (const auto& [from, to] : node_->dropped) {
        std::fill(node_->durable.begin() + static_cast<std::ptrdiff_t>(from),
                  node_->durable.begin() + static_cast<std::ptrdiff_t>(to), '\0');
      }
      return {};
    }

    Result<void> truncate(std::uint64_t size) override {
      const std::lock_guard lock(files_.mutex_);
      if (dead()) return failed("file", EBADF);
      if (files_.happens(files_.faults_.failed_truncates)) return failed("file", EIO);
      const auto end = static_cast<std::size_t>(size);
      node_->cached.resize(end);
      std::erase_if(node_->dropped, [&](const auto& range) { return range.first >= end; });
      for (auto& range : node_->dropped) range.second = std::min(range.second, end);
      return {};
    }

    void drop_cache() override {
      const std::lock_guard lock(files_.mutex_);
      for (const auto& [from, to] : node_->dropped) {
        node_->cached.replace(from, to - from, to - from, '\0');
      }
      node_->dropped.clear();
    }

    Result<std::uint64_t> size() override {
      const std::lock_guard lock(files_.mutex_);
      if (dead()) return failed("file", EBADF);
      return node_->cached.size();
    }

    Result<FileIdentity> identity() override { return identity_of(*node_); }

   private:
    bool dead() const { return life_ != files_.life_; }

    FaultyFileSystem& files_;
    const std::shared_ptr<Node> node_;
    const unsigned life_;
  };

  class Lock final : public FolderLock {
   public:
    Lock(FaultyFileSystem& files, std::string folder)
        : files_(files), folder_(std::move(folder)), life_(files.life_) {}
    ~Lock() override {
      const std::lock_guard lock(files_.mutex_);
      if (life_ == files_.life_) files_.locks_.erase(folder_);
    }

   private:
    FaultyFileSystem& files_;
    const std::string folder_;
    const unsigned life_;
  };

  static FileIdentity identity_of(const Node& node) {
    const std::uint64_t own = reinterpret_cast<std::uintptr_t>(&node);
    return {.device = 1, .inode = node.inode != 0 ? node.inode : own};
  }
  static std::unexpected<Error> failed(std::string_view what, int code) {
    return std::unexpected(errno_error(what, code));
  }
  void step(std::function<void(Names&)> change) {
    change(names_);
    steps_.push_back(std::move(change));
  }
  std::size_t pick(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
  bool happens(unsigned percent) { return percent > 0 && pick(100) < percent; }
  std::uint64_t used() const {
    std::uint64_t sum = 0;
    for (const auto& [name, node] : names_) sum += node->cached.size();
    return sum;
  }

  void tear(Node& node) {
    constexpr std::size_t kSectorBytes = 512;
    const std::size_t synced = node.durable.size();
    if (node.cached.size() > synced) {
      const std::size_t kept = synced + pick(node.cached.size() - synced + 1);
      std::string survived = node.durable + node.cached.substr(synced, kept - synced);
      if (pick(3) == 0) {
        const bool blank = pick(2) == 0;
        const std::size_t sector = std::max(synced, kept - std::min(kept, 1 + pick(kSectorBytes)));
        for (std::size_t i = sector; i < kept; ++i) {
          survived[i] = blank ? '\0' : static_cast<char>(random_());
        }
      }
      node.durable = std::move(survived);
    } else if (node.cached.size() < synced && pick(2) == 0) {
      node.durable.resize(node.cached.size());
    }
    node.cached = node.durable;
    node.dropped.clear();
  }

  std::function<void(const Path&)> before_open_;
  std::mutex mutex_;  // guards all below
  std::mt19937_64 random_;
  Faults faults_;
  Names names_;
  Names durable_;
  std::vector<std::function<void(Names&)>> steps_;  // done to names_, not yet to durable_
  std::set<std::string> locks_;
  unsigned life_ = 0;
  std::uint64_t failed_syncs_ = 0;
};

}  // namespace slipstream::log_testing
