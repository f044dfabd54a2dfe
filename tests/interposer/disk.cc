#include "interposer/disk.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace slipstream::interposer {
namespace {

constexpr std::size_t kSector = 512;
constexpr std::uint32_t kNoHandle = 0xffffffff;  ///< of events that are made up

std::string leaf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool is_memory(const std::string& name) {
  return name.ends_with("-shm");
}

/// How much of what is not synced gets to the disk.
enum class Mood { kNothing, kAll, kPrefix, kAny };
Mood any_mood(std::mt19937_64& random) {
  return static_cast<Mood>(random() % 4);
}

bool coin(std::mt19937_64& random) {
  return random() % 2 == 0;
}

}  // namespace

void Disk::Change::apply_to(std::string& content) const {
  if (is_size) {
    content.resize(at);
    return;
  }
  if (content.size() < at + bytes.size()) content.resize(at + bytes.size());
  std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(at));
}

void Disk::Renaming::apply_to(Names& names) const {
  if (!gone.empty()) names.erase(gone);
  if (!come.empty()) names[come] = node;
}

Disk::Disk() : root_(std::make_shared<Node>(Node{.is_folder = true})) {}

Disk::NodePtr Disk::find(const std::string& path) const {
  NodePtr node = root_;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const auto found = node->names.find(path.substr(at, end - at));
    if (found == node->names.end()) throw std::runtime_error("not on the disk: " + path);
    node = found->second;
    at = end + 1;
  }
  return node;
}

Disk::Node& Disk::folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return *find(slash == path.npos ? "" : path.substr(0, slash));
}

void Disk::change(Node& file, Change change) {
  change.number = number_;
  change.apply_to(file.content);
  file.changes.push_back(std::move(change));
}

void Disk::rename(const std::string& gone, const std::string& come, NodePtr node) {
  Node& folder = folder_of(gone.empty() ? come : gone);
  Renaming renaming{number_, gone.empty() ? gone : leaf(gone), come.empty() ? come : leaf(come),
                    std::move(node)};
  renaming.apply_to(folder.names);
  folder.renamings.push_back(std::move(renaming));
}

void Disk::sync(Node& node, std::uint64_t begun) {
  const auto is_before = [begun](const auto& change) { return change.number < begun; };
  const auto changes = std::ranges::find_if_not(node.changes, is_before);
  for (auto change = node.changes.begin(); change != changes; ++change) {
    change->apply_to(node.synced);
  }
  node.changes.erase(node.changes.begin(), changes);
  const auto renamings = std::ranges::find_if_not(node.renamings, is_before);
  for (auto renaming = node.renamings.begin(); renaming != renamings; ++renaming) {
    renaming->apply_to(node.synced_names);
  }
  node.renamings.erase(node.renamings.begin(), renamings);
}

void Disk::apply(const Event& event) {
  const auto file = [&]() -> Node& {
    if (event.handle == kNoHandle) return *find(event.other);
    return *open_.at(event.handle);
  };
  switch (event.kind) {
    case EventKind::kOpen:
      open_[event.handle] = find(event.text);
      break;
    case EventKind::kCreate:
      open_[event.handle] = std::make_shared<Node>();
      rename("", event.text, open_[event.handle]);
      break;
    case EventKind::kWrite:
      change(file(), {.at = event.number, .bytes = event.text});
      break;
    case EventKind::kTruncate:
      change(file(), {.is_size = true, .at = event.number});
      break;
    case EventKind::kSyncBegin:
      break;
    case EventKind::kSyncEnd:
      sync(file(), event.number);
      break;
    case EventKind::kRename:
      rename(event.text, event.other, find(event.text));
      break;
    case EventKind::kLink:
      rename("", event.other, find(event.text));
      break;
    case EventKind::kUnlink:
      rename(event.text, "", nullptr);
      break;
    case EventKind::kMakeFolder:
      rename("", event.text, std::make_shared<Node>(Node{.is_folder = true}));
      break;
  }
  // What is made up has no number of its own: the next recorded one counts from where these end.
  if (event.handle != kNoHandle) ++number_;
}

Disk::Names Disk::names_left(const Node& folder, std::mt19937_64& random) {
  Names names = folder.synced_names;
  const Mood mood = any_mood(random);
  const std::size_t prefix = random() % (folder.renamings.size() + 1);
  for (std::size_t i = 0; i < folder.renamings.size(); ++i) {
    const bool is_there = mood == Mood::kAll || (mood == Mood::kPrefix && i < prefix) ||
                          (mood == Mood::kAny && coin(random));
    if (is_there) folder.renamings[i].apply_to(names);
  }
  return names;
}

std::string Disk::content_left(const Node& file, std::mt19937_64& random) {
  std::string content = file.synced;
  const Mood mood = any_mood(random);
  const std::size_t prefix = random() % (file.changes.size() + 1);
  for (std::size_t i = 0; i < file.changes.size(); ++i) {
    const Change& change = file.changes[i];
    if (mood == Mood::kNothing || (mood == Mood::kPrefix && i > prefix)) break;
    const bool is_torn = mood == Mood::kAny || (mood == Mood::kPrefix && i == prefix);
    if (!is_torn) {
      change.apply_to(content);
      continue;
    }
    if (change.is_size) {
      if (coin(random)) change.apply_to(content);
      continue;
    }
    // Sector by sector; of the first and the last it holds a part.
    for (std::size_t from = 0; from < change.bytes.size();) {
      const std::size_t to =
          std::min(change.bytes.size(), from + kSector - (change.at + from) % kSector);
      if (coin(random)) {
        Change{.at = change.at + from, .bytes = change.bytes.substr(from, to - from)}.apply_to(
            content);
      }
      from = to;
    }
  }
  // The size may be written before what stands in it.
  if (mood == Mood::kAny && content.size() < file.content.size() && coin(random)) {
    content.resize(file.content.size());
  }
  return content;
}

void Disk::leave(const Node& node, const std::filesystem::path& path, std::mt19937_64& random) {
  if (!node.is_folder) {
    const std::string content = content_left(node, random);
    std::ofstream(path, std::ios::binary)
        .write(content.data(), static_cast<std::streamsize>(content.size()));
    return;
  }
  std::filesystem::create_directories(path);
  for (const auto& [name, inner] : names_left(node, random)) {
    if (!is_memory(name)) leave(*inner, path / name, random);
  }
}

void Disk::leave(const std::filesystem::path& folder, std::mt19937_64& random) const {
  leave(*root_, folder, random);
}

void Disk::add_missing(const Node& node, const std::string& path, const std::filesystem::path& real,
                       std::vector<Event>& events) {
  const auto add = [&](EventKind kind, std::uint64_t number, std::string text, std::string other) {
    events.push_back({kind, kNoHandle, number, std::move(text), std::move(other)});
  };
  if (!node.is_folder) {
    const std::string content = content_of(real);
    if (content == node.content) return;
    add(EventKind::kTruncate, content.size(), "", path);
    add(EventKind::kWrite, 0, content, path);
    return;
  }
  static const Node kNewFile;
  static const Node kNewFolder{.is_folder = true};
  for (const auto& entry : std::filesystem::directory_iterator(real)) {
    const std::string name = entry.path().filename().string();
    if (is_memory(name)) continue;
    const std::string inner = path.empty() ? name : path + '/' + name;
    const auto known = node.names.find(name);
    const Node* its = known == node.names.end() ? nullptr : known->second.get();
    if (its == nullptr) {
      add(entry.is_directory() ? EventKind::kMakeFolder : EventKind::kCreate, 0, inner, "");
      its = entry.is_directory() ? &kNewFolder : &kNewFile;
    }
    add_missing(*its, inner, entry.path(), events);
  }
  for (const auto& [name, inner] : node.names) {
    if (is_memory(name) || std::filesystem::exists(real / name)) continue;
    add(EventKind::kUnlink, 0, path.empty() ? name : path + '/' + name, "");
  }
}

std::vector<Event> Disk::missing(const std::filesystem::path& folder) const {
  std::vector<Event> events;
  const auto data = root_->names.find(folder.filename().string());
  static const Node kNothing{.is_folder = true};
  add_missing(data == root_->names.end() ? kNothing : *data->second, folder.filename().string(),
              folder, events);
  return events;
}

}  // namespace slipstream::interposer
