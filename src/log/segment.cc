#include "log/segment.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <ranges>

namespace slipstream {
namespace {

constexpr std::string_view kSuffix = ".slog";
constexpr std::size_t kDigits = 20;
constexpr std::uint32_t kFirstRewrittenVersion = 3;
// Names that change while they are read are read again so many times.
constexpr int kTries = 8;
constexpr std::int64_t kNoAge = std::numeric_limits<std::int64_t>::max() / 2;

std::uint64_t checksum_of(const SegmentHeader& header) {
  return XXH3_64bits(&header, offsetof(SegmentHeader, checksum));
}

/// `has_changed`: a name that was there is not any more, which may be a rewriting.
Result<std::vector<SegmentInfo>> list_once(FileSystem& files, const FileSystem::Path& folder,
                                           std::vector<std::string>& leftover, bool& has_changed) {
  auto names = files.list(folder);
  if (!names) return std::unexpected(names.error());
  std::ranges::sort(*names);
  std::vector<SegmentInfo> segments;
  for (const std::string& name : *names) {
    const auto base_offset = parse_segment_name(name);
    if (!base_offset) continue;
    if (!segments.empty() && *base_offset < segments.back().held_to()) {
      leftover.push_back(name);
      continue;
    }
    const auto file = files.open_read(folder / name);
    if (!file) {
      // It may have been rewritten into the one before, and removed, since the names were read.
      const auto there = files.identity(folder / name);
      has_changed = there && !*there && !segments.empty();
      return std::unexpected(file.error());
    }
    auto info = read_segment_info(**file, *base_offset);
    if (!info) return std::unexpected(info.error());
    segments.push_back(std::move(*info));
  }
  lend_ages(segments, kNoAge);
  return segments;
}

/// The rewritten segment that holds an offset, as the folder is now.
Result<std::optional<SegmentInfo>> find_holder(FileSystem& files, const FileSystem::Path& folder,
                                               std::uint64_t offset) {
  const auto segments = list_segments(files, folder);
  if (!segments) return std::unexpected(segments.error());
  for (const SegmentInfo& now : *segments) {
    if (now.base_offset <= offset && offset < now.held_to()) return now;
  }
  return std::nullopt;
}

}  // namespace

std::string segment_name(std::uint64_t base_offset) {
  return fmt::format("{:020}{}", base_offset, kSuffix);
}

std::optional<std::uint64_t> parse_segment_name(std::string_view name) {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  std::uint64_t base_offset = 0;
  const char* end = name.data() + kDigits;
  const auto [at, error] = std::from_chars(name.data(), end, base_offset);
  if (error != std::errc{} || at != end) return std::nullopt;
  return base_offset;
}

std::string encode_segment_header(SegmentHeader header) {
  header.checksum = checksum_of(header);
  std::string bytes(sizeof header, '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

Result<SegmentInfo> read_segment_info(File& file, std::uint64_t base_offset) {
  SegmentInfo info{.name = segment_name(base_offset),
                   .base_offset = base_offset,
                   .resumes_from = base_offset,
                   .previous_base = {},
                   .header = HeaderState::kDamaged};
  const auto bytes = file.size();
  if (!bytes) return std::unexpected(bytes.error());
  info.bytes = *bytes;
  const auto identity = file.identity();
  if (!identity) return std::unexpected(identity.error());
  info.identity = *identity;
  std::array<char, sizeof(SegmentHeader)> buffer;
  const auto read = file.read_at(0, buffer);
  if (!read) return std::unexpected(read.error());
  if (*read < buffer.size()) return info;

  SegmentHeader header;
  std::memcpy(&header, buffer.data(), sizeof header);
  if (header.magic != kSegmentMagic) return info;
  info.version = header.version;
  if (header.checksum != checksum_of(header) || header.base_offset != base_offset) return info;
  const bool is_known =
      header.version >= kOldestSegmentVersion && header.version <= kSegmentVersion;
  info.header = is_known ? HeaderState::kGood : HeaderState::kUnknownVersion;
  info.resumes_from = std::min(header.resumes_from, base_offset);
  info.previous_base = header.previous_base;
  info.created_ns = header.created_ns;
  if (is_known && header.version >= kFirstRewrittenVersion) info.holds = header.holds;
  return info;
}

bool comes_after(const SegmentInfo& segment, const SegmentInfo& before) {
  if (!segment.previous_base) return false;
  return *segment.previous_base == before.base_offset ||
         (*segment.previous_base > before.base_offset && *segment.previous_base < before.held_to());
}

void lend_ages(std::vector<SegmentInfo>& segments, std::int64_t next_created_ns) {
  for (SegmentInfo& segment : segments | std::views::reverse) {
    if (segment.header == HeaderState::kDamaged) segment.created_ns = next_created_ns;
    next_created_ns = segment.created_ns;
  }
}

Result<std::vector<SegmentInfo>> list_segments(FileSystem& files, const FileSystem::Path& folder,
                                               std::vector<std::string>* leftover) {
  for (int tries = 1;; ++tries) {
    std::vector<std::string> names;
    bool has_changed = false;
    auto segments = list_once(files, folder, names, has_changed);
    if (!segments && has_changed && tries < kTries) continue;
    if (segments && leftover != nullptr) *leftover = std::move(names);
    return segments;
  }
}

Result<std::optional<OpenSegment>> open_segment(FileSystem& files, const FileSystem::Path& folder,
                                                const SegmentInfo& listed) {
  SegmentInfo wanted = listed;
  for (int tries = 1;; ++tries) {
    auto file = files.open_read(folder / wanted.name);
    if (file) {
      auto now = read_segment_info(**file, wanted.base_offset);
      if (!now) return std::unexpected(now.error());
      const bool is_as_listed = now->identity == listed.identity && now->holds == listed.holds &&
                                now->base_offset == listed.base_offset;
      // A new file can have the number of one that is gone.
      const bool is_rewritten = !is_as_listed && now->base_offset <= listed.base_offset &&
                                listed.base_offset < now->held_to();
      if (is_rewritten) {
        return OpenSegment{.file = std::move(*file), .info = std::move(*now), .is_rewritten = true};
      }
      if (is_as_listed) return OpenSegment{.file = std::move(*file), .info = listed};
    } else if (const auto there = files.identity(folder / wanted.name); !there || *there) {
      return std::unexpected(file.error());
    }
    auto holder = find_holder(files, folder, listed.base_offset);
    if (!holder) return std::unexpected(holder.error());
    if (*holder && tries < kTries) {
      wanted = std::move(**holder);
      continue;
    }
    if (*holder) return fail("the segments change faster than they can be opened", ErrorCode::kIo);
    // Somebody has put another file in its place: what is whole in it can be read.
    if (file && wanted.name == listed.name) {
      return OpenSegment{.file = std::move(*file), .info = listed};
    }
    return std::nullopt;
  }
}

}  // namespace slipstream
