#include "history/open_segment_index.h"

#include <utility>

namespace slipstream {

Result<const SegmentIndex*> OpenSegmentIndex::read_on(FileSystem& files,
                                                      const FileSystem::Path& folder,
                                                      const SegmentInfo& segment,
                                                      const MayRead& may_read) {
  const bool is_known = progress_ && progress_->of.base_offset == segment.base_offset &&
                        progress_->of.created_ns == segment.created_ns &&
                        progress_->of.holds == segment.holds &&
                        progress_->of.bytes <= segment.bytes;
  if (!is_known) progress_.emplace(segment);
  auto opened = open_segment(files, folder, segment);
  if (!opened) return std::unexpected(opened.error());
  if (!*opened || (*opened)->is_rewritten) {
    progress_.reset();
    return nullptr;
  }
  progress_->of.bytes = segment.bytes;
  SegmentScanner scanner(std::move((*opened)->file), segment.base_offset, segment.bytes, may_read);
  if (progress_->place) scanner.go_back(*progress_->place, segment.bytes);
  BlockDecoder blocks;
  while (!progress_->is_stuck) {
    const auto piece = scanner.next();
    if (!piece) return std::unexpected(piece.error());
    if (piece->kind != PieceKind::kBlock) break;  // perhaps it is whole when more is written
    const auto payload = blocks.decode(piece->header, piece->stored);
    progress_->is_stuck = !payload || !progress_->builder.add(*piece, *payload);
    progress_->place = scanner.place();
  }
  const SegmentIndex& index = progress_->builder.so_far();
  return index.groups().empty() ? nullptr : &index;
}

}  // namespace slipstream
