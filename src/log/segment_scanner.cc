#include "log/segment_scanner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "log/segment.h"

namespace slipstream {
namespace {

constexpr std::string_view kLongNeedle("SBLK");
constexpr char kShortNeedle[] = {static_cast<char>(kShortMagic & 0xFF),
                                 static_cast<char>(kShortMagic >> 8)};

/// The next place where a header may begin.
std::size_t find_magic(std::string_view bytes, std::size_t from) {
  for (; from < bytes.size(); ++from) {
    const std::size_t at = bytes.find_first_of(std::string_view("S\xB5"), from);
    if (at == bytes.npos) return at;
    const std::string_view rest = bytes.substr(at);
    if (rest.starts_with(kLongNeedle) ||
        rest.starts_with(std::string_view(kShortNeedle, sizeof kShortNeedle))) {
      return at;
    }
    from = at;
  }
  return bytes.npos;
}

/// Whether the last bytes of a file are less than the header that they begin.
bool is_within_header(std::string_view rest) {
  return rest.size() < kShortHeaderBytes ||
         (rest.size() < sizeof(BlockHeader) && rest.starts_with(kLongNeedle));
}

}  // namespace

Result<std::string_view> FileWindow::bytes(std::uint64_t position, std::size_t size) {
  if (position >= end_) return std::string_view{};
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, end_ - position));
  if (position < start_ || position + size > start_ + size_) {
    const auto wanted = static_cast<std::size_t>(
        std::min<std::uint64_t>(std::max(size, kChunkBytes), end_ - position));
    std::size_t kept = 0;
    std::size_t kept_at = 0;
    if (position >= start_ && position < start_ + size_) {
      kept_at = static_cast<std::size_t>(position - start_);
      kept = size_ - kept_at;
    }
    if (capacity_ < wanted) {
      auto larger = std::make_unique_for_overwrite<char[]>(wanted);
      if (kept > 0) std::memcpy(larger.get(), buffer_.get() + kept_at, kept);
      buffer_ = std::move(larger);
      capacity_ = wanted;
    } else if (kept > 0) {
      std::memmove(buffer_.get(), buffer_.get() + kept_at, kept);
    }
    start_ = position;
    size_ = kept;
    if (kept < wanted) {
      if (may_read_ && !may_read_(wanted - kept)) return fail("reading was stopped");
      const auto read = file_->read_at(position + kept, {buffer_.get() + kept, wanted - kept});
      if (!read) return std::unexpected(read.error());
      size_ += *read;
    }
  }
  const auto at = static_cast<std::size_t>(position - start_);
  return std::string_view(buffer_.get() + at, std::min(size, size_ - at));
}

SegmentScanner::SegmentScanner(std::unique_ptr<File> file, std::uint64_t base_offset,
                               std::uint64_t end, MayRead may_read)
    : window_(std::move(file), end, std::move(may_read)),
      base_offset_(base_offset),
      position_(std::min<std::uint64_t>(sizeof(SegmentHeader), end)),
      expected_(base_offset) {}

Result<Piece> SegmentScanner::next(std::uint64_t from_offset) {
  while (true) {
    auto piece = next_whole(from_offset);
    if (!piece) return piece;
    if (piece->kind != PieceKind::kBlock) {
      chain_ = Chain::kLost;
      return piece->kind == PieceKind::kDamaged ? with_leaning(std::move(*piece), from_offset)
                                                : std::move(piece);
    }
    if (!piece->header.leans()) {
      chain_ = piece->is_passed_over ? Chain::kPassedOver : Chain::kGiven;
      chain_position_ = piece->position;
      chain_from_ = piece->from;
      return piece;
    }
    if (chain_ == Chain::kLost) {
      piece->kind = PieceKind::kDamaged;
      piece->stored = {};
      piece->why = "what the block leans on is lost";
      return with_leaning(std::move(*piece), from_offset);
    }
    if (chain_ == Chain::kGiven || piece->is_passed_over) return piece;
    wanted_to_ = position_;
    position_ = chain_position_;
    expected_ = chain_from_;
  }
}

/// What is lost, and all blocks behind it that lean on it: one piece.
Result<Piece> SegmentScanner::with_leaning(Piece lost, std::uint64_t from_offset) {
  while (true) {
    const std::uint64_t position = position_;
    const std::uint64_t expected = expected_;
    const auto piece = next_whole(from_offset);
    if (!piece) {  // of the device: all of it can be asked for again
      position_ = lost.position;
      expected_ = lost.from;
      return piece;
    }
    if (piece->kind != PieceKind::kBlock || !piece->header.leans()) {
      position_ = position;
      expected_ = expected;
      return lost;
    }
    lost.bytes = position_ - lost.position;
    lost.to = std::max(lost.to.value_or(0), *piece->to);
  }
}

/// A block, or a whole body's, whatever it leans on.
Result<Piece> SegmentScanner::next_whole(std::uint64_t from_offset) {
  const std::uint64_t expected = expected_;
  auto piece = next_alone(from_offset);
  if (!piece || piece->kind != PieceKind::kBlock || piece->position < whole_to_) return piece;
  if (!piece->header.goes_on() && !piece->header.continues()) return piece;
  auto whole = body(*piece, from_offset);
  if (!whole) {  // of the device: the same can be asked for again
    position_ = piece->position;
    expected_ = expected;
    return whole;
  }
  if (whole->kind != PieceKind::kBlock) return whole;
  whole_to_ = position_;
  position_ = piece->position;
  expected_ = expected;
  return next_alone(from_offset);
}

/// What the blocks from `first` to the last of its body are together: a block stands for that they
/// are whole. Goes past them.
Result<Piece> SegmentScanner::body(const Piece& first, std::uint64_t from_offset) {
  Piece all = first;
  all.stored = {};
  if (first.header.continues()) {
    all.kind = PieceKind::kDamaged;
    all.why = "the blocks before it of the same body are missing";
  }
  BlockHeader last = first.header;
  while (last.goes_on()) {
    const std::uint64_t position = position_;
    const std::uint64_t expected = expected_;
    const auto piece = next_alone(from_offset);
    if (!piece) return piece;
    const bool is_next =
        piece->kind == PieceKind::kBlock && piece->header.continues() && piece->from == all.to;
    if (is_next) {
      last = piece->header;
    } else if (piece->kind == PieceKind::kBlock) {
      // Another body's, or none of the next in line: it is looked at by itself.
      position_ = position;
      expected_ = expected;
      all.kind = PieceKind::kDamaged;
      all.why = "a block of the body is missing";
      break;
    } else {
      const bool has_ended = piece->kind == PieceKind::kEnd || piece->kind == PieceKind::kTorn ||
                             piece->kind == PieceKind::kTruncated;
      // One that is damaged and cut may have been acknowledged: it is no unfinished write.
      if (all.kind != PieceKind::kDamaged) {
        all.kind = has_ended ? PieceKind::kTruncated : piece->kind;
        all.why = has_ended ? "the file ends within a body of several blocks"
                            : "a body of several blocks: " + piece->why;
      }
      // The header of a damaged block may tell that the body goes on; that of a lost one does not.
      last = piece->kind == PieceKind::kDamaged ? piece->header : BlockHeader{};
    }
    all.bytes = position_ - all.position;
    all.to = std::max(*all.to, piece->to.value_or(*all.to));
  }
  return all;
}

Result<Piece> SegmentScanner::next_alone(std::uint64_t from_offset) {
  if (position_ >= window_.end()) return Piece{};
  const auto bytes = window_.bytes(position_, sizeof(BlockHeader));
  if (!bytes) return std::unexpected(bytes.error());
  if (const auto header = parse(*bytes, position_)) return block(*header, from_offset);
  if (is_within_header(*bytes)) return unreadable("the file ends within a block's header");
  return search();
}

Result<Piece> SegmentScanner::block(const BlockHeader& header, std::uint64_t from_offset) {
  Piece piece{.kind = PieceKind::kBlock,
              .position = position_,
              .bytes = header.bytes() + std::uint64_t{header.stored_bytes},
              .from = header.base_offset,
              .to = header.end_offset(),
              .header = header,
              .stored = {},
              .why = {}};
  const auto truncated = [&] {
    piece.kind = PieceKind::kTruncated;
    piece.bytes = bytes_left();
    piece.why = "the file ends within the block";
  };
  if (piece.bytes > bytes_left()) {
    truncated();
  } else if (header.version != kBlockVersion) {
    piece.kind = PieceKind::kDamaged;
    piece.why = fmt::format("the block is of version {}, this program knows {}", header.version,
                            kBlockVersion);
  } else if (*piece.to > from_offset || position_ < wanted_to_) {
    const auto bytes = window_.bytes(position_, static_cast<std::size_t>(piece.bytes));
    if (!bytes) return std::unexpected(bytes.error());
    if (bytes->size() < piece.bytes) {  // cut while it was being read
      truncated();
    } else if (!payload_is_whole(header, bytes->substr(header.bytes()))) {
      piece.kind = PieceKind::kDamaged;
      piece.why = "the payload does not match its checksum";
    } else {
      piece.stored = bytes->substr(header.bytes());
    }
  } else {
    piece.is_passed_over = true;
  }
  position_ += piece.bytes;
  expected_ = std::max(expected_, *piece.to);
  return piece;
}

Result<Piece> SegmentScanner::search() {
  std::uint64_t at = position_ + 1;
  while (true) {
    const auto bytes = window_.bytes(at, FileWindow::kChunkBytes);
    if (!bytes) return std::unexpected(bytes.error());
    // Only where a whole header is in view, but at the end; the rest comes at the beginning of the
    // next view.
    const bool is_last = at + bytes->size() >= window_.end();
    const std::size_t beyond = (is_last ? kShortHeaderBytes : sizeof(BlockHeader)) - 1;
    if (bytes->size() <= beyond) break;
    const std::size_t whole = bytes->size() - beyond;
    for (std::size_t i = find_magic(*bytes, 0); i < whole; i = find_magic(*bytes, i + 1)) {
      const auto header = parse(bytes->substr(i), at + i);
      if (!header) continue;
      Piece piece{.kind = PieceKind::kDamaged,
                  .position = position_,
                  .bytes = at + i - position_,
                  .from = std::min(expected_, header->base_offset),
                  .to = header->base_offset,
                  .header = {},
                  .stored = {},
                  .why = "the block's header is damaged"};
      position_ = at + i;
      return piece;
    }
    if (is_last) break;
    at += whole;
  }
  return unreadable("no block can be read from here to the end of the file");
}

Result<bool> SegmentScanner::is_blank_to_the_end() {
  for (std::uint64_t at = position_; at < window_.end();) {
    const auto bytes = window_.bytes(at, FileWindow::kChunkBytes);
    if (!bytes) return std::unexpected(bytes.error());
    if (bytes->empty()) break;
    if (bytes->find_first_not_of('\0') != bytes->npos) return false;
    at += bytes->size();
  }
  return true;
}

Result<Piece> SegmentScanner::unreadable(std::string why) {
  const auto is_blank = is_blank_to_the_end();
  if (!is_blank) return std::unexpected(is_blank.error());
  const auto rest = window_.bytes(position_, sizeof(BlockHeader));
  if (!rest) return std::unexpected(rest.error());
  const bool is_torn = *is_blank || is_within_header(*rest);
  Piece piece{.kind = is_torn ? PieceKind::kTorn : PieceKind::kUnreadable,
              .position = position_,
              .bytes = bytes_left(),
              .from = expected_,
              .to = {},
              .header = {},
              .stored = {},
              .why = std::move(why)};
  position_ = window_.end();
  return piece;
}

}  // namespace slipstream
