#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "interposer/interposed.h"

namespace slipstream::interposer {

/// A disk as a machine sees it that wrote what a recording tells, and as it could be found after
/// that machine's power went.
///
/// What was synced is there. Of everything since, any part may be: a file's writes in any subset,
/// of each any 512-byte sectors, its size grown over zeros or not; and apart from that, of what
/// became of names in a folder, until the folder itself was synced, any subset too.
/// SQLite's -shm is none of the disk's: it is memory that processes share.
class Disk {
 public:
  Disk();
  void apply(const Event& event);

  /// Makes a folder of its own of what is left now.
  void leave(const std::filesystem::path& folder, std::mt19937_64& random) const;

  /// What has become of `folder` beyond what was recorded, as events: of a program that was killed
  /// between a change and its being recorded.
  std::vector<Event> missing(const std::filesystem::path& folder) const;

 private:
  struct Node;
  using NodePtr = std::shared_ptr<Node>;
  using Names = std::map<std::string, NodePtr>;
  /// Of a file: bytes somewhere, or a size.
  struct Change {
    std::uint64_t number = 0;  ///< of the event
    bool is_size = false;
    std::uint64_t at = 0;
    std::string bytes = {};
    void apply_to(std::string& content) const;
  };
  /// Of a folder, at once: one name goes, one comes; either may be empty.
  struct Renaming {
    std::uint64_t number = 0;
    std::string gone = {};
    std::string come = {};
    NodePtr node = {};
    void apply_to(Names& names) const;
  };
  struct Node {
    bool is_folder = false;
    std::string content = {};  ///< as the machine sees it
    std::string synced = {};
    std::vector<Change> changes = {};  ///< since the last sync
    Names names = {};                  ///< as the machine sees them
    Names synced_names = {};
    std::vector<Renaming> renamings = {};
  };

  Node& folder_of(const std::string& path);
  NodePtr find(const std::string& path) const;
  void change(Node& file, Change change);
  void rename(const std::string& gone, const std::string& come, NodePtr node);
  static void sync(Node& node, std::uint64_t begun);
  static void leave(const Node& node, const std::filesystem::path& path, std::mt19937_64& random);
  static Names names_left(const Node& folder, std::mt19937_64& random);
  static std::string content_left(const Node& file, std::mt19937_64& random);
  static void add_missing(const Node& node, const std::string& path,
                          const std::filesystem::path& real, std::vector<Event>& events);

  NodePtr root_;
  std::unordered_map<std::uint32_t, NodePtr> open_;
  std::uint64_t number_ = 0;  ///< events so far
};

}  // namespace slipstream::interposer
