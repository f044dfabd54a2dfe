#include "log/segment_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipstream {

SegmentReader::SegmentReader(FileSystem& files, FileSystem::Path folder,
                             std::vector<SegmentInfo> segments, std::uint64_t from,
                             std::uint64_t to)
    : files_(files),
      folder_(std::move(folder)),
      segments_(std::move(segments)),
      to_(to),
      expected_(from) {}

Result<std::optional<LogBlock>> SegmentReader::next() {
  while (true) {
    if (!scanner_) {
      const auto more = begin_segment();
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
    }
    const auto piece = scanner_->next(expected_);
    if (!piece) return std::unexpected(piece.error());
    if (piece->kind == PieceKind::kEnd || piece->from >= void_from()) {
      close_segment();
    } else if (piece->kind != PieceKind::kBlock) {
      blame(piece->why);
    } else if (!piece->is_passed_over) {
      auto block = take(*piece);
      if (!block || *block) return block;
    }
  }
  skip_to(to_);
  return std::nullopt;
}

Result<std::optional<LogBlock>> SegmentReader::take(const Piece& piece) {
  const auto payload = decoder_.decode(piece.header, piece.stored);
  if (!payload) {
    blame(payload.error().message);
    return std::nullopt;
  }
  skip_to(piece.from);
  expected_ = std::max(expected_, *piece.to);
  cause_.reset();
  return LogBlock{.base_offset = piece.header.base_offset,
                  .count = piece.header.count,
                  .min_time_ns = piece.header.min_time_ns,
                  .max_time_ns = piece.header.max_time_ns,
                  .payload = *payload,
                  .goes_on = piece.header.goes_on(),
                  .leans = piece.header.leans(),
                  .file = segments_[current_].name};
}

Result<bool> SegmentReader::begin_segment() {
  while (current_ < segments_.size()) {
    const SegmentInfo& segment = segments_[current_];
    skip_to(segment.resumes_from);
    // Offsets between the two were given up by whoever began the segment, who reported them.
    expected_ = std::max(expected_, std::min(segment.base_offset, to_));
    if (segment.header == HeaderState::kUnknownVersion) {
      blame(fmt::format("the segment is of version {}, this program knows {}", segment.version,
                        kKnownSegmentVersions));
    } else if (segment.bytes > sizeof(SegmentHeader)) {
      auto opened = open_segment(files_, folder_, segment);
      if (!opened) return std::unexpected(opened.error());  // may pass
      if (*opened) {
        if ((*opened)->is_rewritten) put_in_place((*opened)->info);
        const SegmentInfo& now = segments_[current_];
        scanner_ = std::make_unique<SegmentScanner>(std::move((*opened)->file), now.base_offset,
                                                    now.bytes);
        return true;
      }
      blame("the file is gone");  // by retention, or by somebody's hand
    }
    ++current_;
  }
  return false;
}

/// The current segment, and perhaps those behind it, are another one now.
void SegmentReader::put_in_place(const SegmentInfo& rewritten) {
  const auto first = segments_.begin() + static_cast<std::ptrdiff_t>(current_);
  const auto last = std::find_if(first, segments_.end(), [&](const SegmentInfo& segment) {
    return segment.base_offset >= rewritten.held_to();
  });
  *first = rewritten;
  segments_.erase(first + 1, last);
}

void SegmentReader::close_segment() {
  scanner_.reset();
  ++current_;
}

void SegmentReader::blame(std::string why) {
  if (!cause_) cause_ = Cause{segments_[current_].name, std::move(why)};
}

/// The offsets up to `offset` will not come any more.
void SegmentReader::skip_to(std::uint64_t offset) {
  offset = std::min(offset, to_);
  if (expected_ < offset) {
    const Cause cause = cause_ ? *cause_ : cause_of_gap();
    lost_.push_back({expected_, offset, cause.file, cause.why});
    expected_ = offset;
  }
  cause_.reset();
}

SegmentReader::Cause SegmentReader::cause_of_gap() const {
  if (current_ == 0) return {segment_name(expected_), "the log begins after it"};
  const SegmentInfo& before = segments_[current_ - 1];
  if (current_ == segments_.size() || comes_after(segments_[current_], before)) {
    return {before.name, "the file is shorter than it was"};
  }
  return {segment_name(expected_), "the segment is missing"};
}

std::uint64_t SegmentReader::void_from() const {
  return current_ + 1 < segments_.size() ? segments_[current_ + 1].resumes_from : to_;
}

std::uint64_t SegmentReader::bytes_left() const {
  std::uint64_t left = scanner_ ? scanner_->bytes_left() : 0;
  for (std::size_t i = current_ + (scanner_ ? 1 : 0); i < segments_.size(); ++i) {
    left += segments_[i].bytes;
  }
  return left;
}

}  // namespace slipstream
