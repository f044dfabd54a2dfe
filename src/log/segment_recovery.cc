#include "log/segment_recovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "log/segment_scanner.h"

namespace slipstream {
namespace {

/// Goes through the pieces of the last segment and keeps account in a LogEnd.
class EndFinder {
 public:
  explicit EndFinder(const SegmentInfo& last) : last_(last) {
    end_.next_offset = end_.resumes_from = last.base_offset;
    end_.whole_bytes = std::min<std::uint64_t>(last.bytes, sizeof(SegmentHeader));
    end_.appendable = last.header == HeaderState::kGood;
    if (!end_.appendable) {
      end_.findings.push_back(
          fmt::format("{}: the segment's header is incomplete or damaged", last.name));
    }
  }

  void take(const Piece& piece) {
    switch (piece.kind) {
      case PieceKind::kBlock:
      case PieceKind::kDamaged:
        whole(piece);
        return;
      case PieceKind::kTruncated:
        truncated(piece);
        return;
      case PieceKind::kTorn:
        end_.findings.push_back(fmt::format("{}: cut {} bytes of an unfinished write off the end",
                                            last_.name, piece.bytes));
        return;
      case PieceKind::kUnreadable:
        unreadable(piece);
        return;
      case PieceKind::kEnd:
        return;
    }
  }

  LogEnd finish() { return std::move(end_); }

 private:
  void whole(const Piece& piece) {
    end_.next_offset = std::max(end_.next_offset, *piece.to);
    end_.resumes_from = end_.next_offset;
    end_.whole_bytes = piece.position + piece.bytes;
    if (piece.kind == PieceKind::kBlock) return;
    end_.appendable = false;
    end_.findings.push_back(fmt::format("{}: byte {}: {}: offsets {} to {} cannot be read",
                                        last_.name, piece.position, piece.why, piece.from,
                                        *piece.to));
    end_.lost.push_back({piece.from, *piece.to, last_.name, piece.why});
  }

  // What a kill or a power cut leaves of the last write, as a rule; but if the file was cut by
  // somebody else, the block was acknowledged: so its offsets are not used again.
  void truncated(const Piece& piece) {
    end_.appendable = false;
    end_.next_offset = std::max(end_.next_offset, *piece.to);
    end_.findings.push_back(
        fmt::format("{}: cut an incomplete block of {} bytes off the end; its offsets {} to {} are "
                    "not used again",
                    last_.name, piece.bytes, piece.from, *piece.to));
  }

  void unreadable(const Piece& piece) {
    end_.evidence = true;
    end_.appendable = false;
    end_.whole_bytes = piece.position + piece.bytes;
    end_.findings.push_back(fmt::format(
        "{}: byte {}: the last {} bytes cannot be read: an unfinished write, or blocks after "
        "offset {} that were acknowledged; they stay as they are",
        last_.name, piece.position, piece.bytes, piece.from));
    if (!piece.to) return;
    end_.next_offset = end_.resumes_from = *piece.to;
    end_.lost.push_back({piece.from, *piece.to, last_.name, piece.why});
  }

  const SegmentInfo& last_;
  LogEnd end_;
};

}  // namespace

Result<LogEnd> find_log_end(FileSystem& files, const FileSystem::Path& folder,
                            const SegmentInfo& last) {
  if (last.header == HeaderState::kUnknownVersion) {
    return fail(
        fmt::format("{}: written by another version of the program (format {}, this one "
                    "knows {}): where the log ends cannot be told",
                    (folder / last.name).string(), last.version, kKnownSegmentVersions));
  }
  auto file = files.open_read(folder / last.name);
  if (!file) return std::unexpected(file.error());
  SegmentScanner scanner(std::move(*file), last.base_offset, last.bytes);
  EndFinder finder(last);
  while (true) {
    const auto piece = scanner.next();
    if (!piece) return std::unexpected(piece.error());
    if (piece->kind == PieceKind::kEnd) return finder.finish();
    finder.take(*piece);
  }
}

}  // namespace slipstream
