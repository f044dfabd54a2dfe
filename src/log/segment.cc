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
constexpr std::int64_t kNoAge = std::numeric_limits<std::int64_t>::max() / 2;

std::uint64_t checksum_of(const SegmentHeader& header) {
  return XXH3_64bits(&header, offsetof(SegmentHeader, checksum));
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
  info.holds = header.version >= kFirstRewrittenVersion ? header.holds : 0;
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
  auto names = files.list(folder);
  if (!names) return std::unexpected(names.error());
  std::ranges::sort(*names);
  std::vector<SegmentInfo> segments;
  for (const std::string& name : *names) {
    const auto base_offset = parse_segment_name(name);
    if (!base_offset) continue;
    if (!segments.empty() && *base_offset < segments.back().held_to()) {
      if (leftover != nullptr) leftover->push_back(name);
      continue;
    }
    const auto file = files.open_read(folder / name);
    if (!file) {
      // It may have been rewritten into the one before, and removed, since the names were read.
      const auto there = files.identity(folder / name);
      if (there && !*there && !segments.empty()) return list_segments(files, folder, leftover);
      return std::unexpected(file.error());
    }
    auto info = read_segment_info(**file, *base_offset);
    if (!info) return std::unexpected(info.error());
    segments.push_back(std::move(*info));
  }
  lend_ages(segments, kNoAge);
  return segments;
}

Result<std::optional<SegmentInfo>> find_rewritten(FileSystem& files, const FileSystem::Path& folder,
                                                  const SegmentInfo& segment) {
  const auto there = files.identity(folder / segment.name);
  if (!there) return std::unexpected(there.error());
  if (*there && **there == segment.identity) return std::nullopt;
  const auto segments = list_segments(files, folder);
  if (!segments) return std::unexpected(segments.error());
  for (const SegmentInfo& now : *segments) {
    if (now.base_offset <= segment.base_offset && segment.base_offset < now.held_to()) return now;
  }
  return std::nullopt;
}

}  // namespace slipstream
