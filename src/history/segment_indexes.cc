#include "history/segment_indexes.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace slipstream {
namespace {

constexpr std::string_view kUnfinishedSuffix = ".new";

/// Nothing: there is no such file.
Result<std::optional<std::string>> read_index_file(FileSystem& files,
                                                   const FileSystem::Path& path) {
  const auto there = files.identity(path);
  if (!there) return std::unexpected(there.error());
  if (!*there) return std::nullopt;
  const auto file = files.open_read(path);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  if (*size > SegmentIndexes::kMaxFileBytes) {
    return fail("the index is too large to be one", ErrorCode::kCorrupt);
  }
  std::string bytes(static_cast<std::size_t>(*size), '\0');
  const auto read = (*file)->read_at(0, bytes);
  if (!read) return std::unexpected(read.error());
  bytes.resize(*read);
  return bytes;
}

bool is_listed(const std::vector<SegmentInfo>& segments, std::string_view name) {
  return std::ranges::find(segments, name, &SegmentInfo::name) != segments.end();
}

std::uint64_t void_behind(const std::vector<SegmentInfo>& segments, std::size_t at) {
  return at + 1 < segments.size() ? segments[at + 1].resumes_from
                                  : std::numeric_limits<std::uint64_t>::max();
}

}  // namespace

std::shared_ptr<const SegmentIndex> SegmentIndexes::find(const SegmentInfo& segment) {
  {
    const std::lock_guard lock(mutex_);
    const auto held = std::ranges::find(held_, segment.name, &Held::name);
    if (held != held_.end() && held->index->is_of(segment)) {
      held_.splice(held_.begin(), held_, held);
      return held_.front().index;
    }
  }
  auto loaded = load(segment);
  if (!loaded || !*loaded) return nullptr;
  hold(segment.name, *loaded);
  return *loaded;
}

Result<std::shared_ptr<const SegmentIndex>> SegmentIndexes::load(const SegmentInfo& segment) {
  const auto bytes = read_index_file(files_, folder_ / segment_index_name(segment));
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return nullptr;
  auto index = decode_segment_index(**bytes);
  if (!index) return std::unexpected(index.error());
  if (!index->is_of(segment)) return nullptr;
  return std::make_shared<const SegmentIndex>(std::move(*index));
}

void SegmentIndexes::hold(const std::string& name, std::shared_ptr<const SegmentIndex> index) {
  const std::lock_guard lock(mutex_);
  std::erase_if(held_, [&](const Held& held) {
    if (held.name != name) return false;
    held_bytes_ -= held.index->bytes();
    return true;
  });
  held_bytes_ += index->bytes();
  held_.push_front({name, std::move(index)});
  while (held_bytes_ > kHeldBytes && held_.size() > 1) {
    held_bytes_ -= held_.back().index->bytes();
    held_.pop_back();
  }
}

void SegmentIndexes::forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::erase_if(held_, [&](const Held& held) {
    if (held.name != name) return false;
    held_bytes_ -= held.index->bytes();
    return true;
  });
}

void SegmentIndexes::distrust(const SegmentInfo& segment) {
  stats_.untrue.add();
  forget(segment.name);
  if (whose_ == Files::kOthers) return;
  // Should the file stay, the checks that found it wrong find it so again.
  std::ignore = files_.remove(folder_ / segment_index_name(segment));
}

Result<bool> SegmentIndexes::tend(const std::vector<SegmentInfo>& segments,
                                  const MayRead& may_read) {
  if (auto removed = remove_leftover(segments); !removed) return std::unexpected(removed.error());
  std::int64_t indexed = 0;
  std::int64_t damaged = 0;
  std::optional<std::size_t> missing;
  const std::size_t sealed = segments.empty() ? 0 : segments.size() - 1;
  // The newest first: they are asked for most.
  for (std::size_t i = sealed; i-- > 0;) {
    const SegmentInfo& segment = segments[i];
    if (segment.header == HeaderState::kUnknownVersion) continue;
    if (const auto unfit = unfit_.find(segment.name);
        unfit != unfit_.end() && unfit->second == segment.bytes) {
      ++damaged;
      continue;
    }
    {
      const std::lock_guard lock(mutex_);
      const auto held = std::ranges::find(held_, segment.name, &Held::name);
      if (held != held_.end() && held->index->is_of(segment) && sizes_.contains(segment.name)) {
        ++indexed;
        continue;
      }
    }
    const auto loaded = load(segment);
    if (!loaded && loaded.error().code != ErrorCode::kCorrupt &&
        loaded.error().code != ErrorCode::kVersion) {
      return std::unexpected(loaded.error());
    }
    if (!loaded) distrust(segment);
    if (loaded && *loaded) {
      ++indexed;
      sizes_.try_emplace(segment.name, encode_segment_index(**loaded).size());
      hold(segment.name, *loaded);
    } else if (!missing) {
      missing = i;
    }
  }
  const auto tell = [&] {
    std::uint64_t bytes = 0;
    for (const auto& [name, size] : sizes_) bytes += size;
    stats_.indexed.set(indexed);
    stats_.damaged.set(damaged);
    stats_.sealed.set(static_cast<std::int64_t>(sealed));
    stats_.bytes.set(static_cast<std::int64_t>(bytes));
  };
  tell();
  if (!missing) return false;
  const SegmentInfo& segment = segments[*missing];
  auto index =
      build_segment_index(files_, folder_, segment, void_behind(segments, *missing), may_read);
  if (!index) return std::unexpected(index.error());
  if (!*index) {
    unfit_[segment.name] = segment.bytes;
    return true;
  }
  const std::string bytes = encode_segment_index(**index);
  if (auto written = write(segment_index_name(segment), bytes); !written) {
    return std::unexpected(written.error());
  }
  sizes_[segment.name] = bytes.size();
  stats_.built.add();
  ++indexed;
  tell();
  hold(segment.name, std::make_shared<const SegmentIndex>(std::move(**index)));
  return true;
}

Result<void> SegmentIndexes::write(const std::string& name, std::string_view bytes) {
  const auto unfinished = folder_ / (name + std::string(kUnfinishedSuffix));
  const auto left = files_.identity(unfinished);
  if (!left) return std::unexpected(left.error());
  if (*left) {
    if (auto removed = files_.remove(unfinished); !removed) return removed;
  }
  const auto file = files_.open_append(unfinished, OpenMode::kCreateNew);
  if (!file) return std::unexpected(file.error());
  if (auto written = write_all(**file, bytes); !written) return written;
  if (auto synced = (*file)->sync(); !synced) return synced;
  if (auto renamed = files_.rename(unfinished, folder_ / name); !renamed) return renamed;
  return files_.sync_directory(folder_);
}

Result<void> SegmentIndexes::remove_leftover(const std::vector<SegmentInfo>& segments) {
  const auto names = files_.list(folder_);
  if (!names) return std::unexpected(names.error());
  const std::string unfinished = std::string(kIndexSuffix) + std::string(kUnfinishedSuffix);
  for (const std::string& name : *names) {
    const bool is_unfinished = name.ends_with(unfinished);
    if (!is_unfinished && !name.ends_with(kIndexSuffix)) continue;
    const std::string segment = name.substr(0, name.size() - kIndexSuffix.size());
    if (!is_unfinished && is_listed(segments, segment)) continue;
    if (!is_unfinished && !parse_segment_name(segment)) continue;  // nobody's business
    if (auto removed = files_.remove(folder_ / name); !removed) return removed;
    forget(segment);
    sizes_.erase(segment);
  }
  std::erase_if(unfit_, [&](const auto& unfit) { return !is_listed(segments, unfit.first); });
  return {};
}

Result<std::vector<IndexFault>> verify_indexes(FileSystem& files, const FileSystem::Path& folder) {
  const auto segments = list_segments(files, folder);
  if (!segments) return std::unexpected(segments.error());
  std::vector<IndexFault> faults;
  for (std::size_t i = 0; i < segments->size(); ++i) {
    const SegmentInfo& segment = (*segments)[i];
    const std::string name = segment_index_name(segment);
    const auto bytes = read_index_file(files, folder / name);
    if (bytes && !*bytes) continue;
    if (!bytes) {
      const auto there = files.identity(folder / name);
      if (there && !*there) continue;  // its segment was rewritten or removed just now
      faults.push_back({name, bytes.error().message});
      continue;
    }
    const auto index = decode_segment_index(**bytes);
    if (!index) {
      faults.push_back({name, index.error().message});
      continue;
    }
    if (!index->is_of(segment)) continue;
    const auto made =
        build_segment_index(files, folder, segment, void_behind(*segments, i), MayRead{});
    if (!made) return std::unexpected(made.error());
    if (*made && !(**made == *index)) {
      faults.push_back({name, "the index does not tell what its segment holds"});
    }
  }
  return faults;
}

}  // namespace slipstream
