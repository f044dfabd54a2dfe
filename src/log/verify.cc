#include "log/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace slipstream {
namespace {

class Verifier {
 public:
  Verifier(FileSystem& files, const FileSystem::Path& folder, const LogWatch& watch)
      : files_(files), folder_(folder), watch_(watch) {}

  LogReport run() {
    const auto segments = list_segments(files_, folder_);
    if (segments) return run(*segments);
    fault(LogFaultKind::kUnreadable, folder_.string(), 0, 0, 0, segments.error().message);
    return std::move(report_);
  }

  LogReport run(const std::vector<SegmentInfo>& segments) {
    if (!segments.empty()) expected_ = segments.front().resumes_from;
    for (std::size_t i = 0; i < segments.size() && !is_stopped_;) {
      const SegmentInfo* before = i > 0 ? &segments[i - 1] : nullptr;
      // Where some were rewritten into another one since they were listed, it stands for them.
      auto opened = open_segment(files_, folder_, segments[i]);
      const bool is_rewritten = opened && *opened && (*opened)->is_rewritten;
      const SegmentInfo info = is_rewritten ? (*opened)->info : segments[i];
      from_ = is_rewritten ? segments[i].base_offset : 0;
      gap(before, segments[i]);
      do {
        bytes_done_ += segments[i++].bytes;
      } while (i < segments.size() && segments[i].base_offset < info.held_to());
      segment(info, std::move(opened), i < segments.size() ? &segments[i] : nullptr);
    }
    if (!is_stopped_) lost_end();
    return std::move(report_);
  }

 private:
  void fault(LogFaultKind kind, std::string file, std::uint64_t position, std::uint64_t from,
             std::uint64_t to, std::string what) {
    report_.faults.push_back({kind, std::move(file), position, from, to, std::move(what)});
    if (watch_.found) watch_.found(report_.faults.back());
  }

  void gap(const SegmentInfo* before, const SegmentInfo& segment) {
    if (expected_ < segment.resumes_from) {
      if (before != nullptr && comes_after(segment, *before)) {
        fault(LogFaultKind::kTruncatedFile, before->name, before->bytes, expected_,
              segment.resumes_from, "the file is shorter than it was");
      } else {
        fault(LogFaultKind::kMissingSegment, segment_name(expected_), 0, expected_,
              segment.resumes_from, "the segment is missing");
      }
    }
    expected_ = std::max(expected_, segment.base_offset);
  }

  void lost_end() {
    if (expected_ >= watch_.at_least_offset) return;
    fault(LogFaultKind::kMissingSegment, segment_name(expected_), 0, expected_,
          watch_.at_least_offset, kLostEnd);
    expected_ = watch_.at_least_offset;
  }

  void segment(const SegmentInfo& info, Result<std::optional<OpenSegment>> opened,
               const SegmentInfo* after) {
    report_.segments.push_back({.file = info.name,
                                .base_offset = info.base_offset,
                                .end_offset = info.base_offset,
                                .bytes = info.bytes,
                                .given_up_from = info.resumes_from});
    // Where nothing follows, what a broken end has cost is not known.
    const std::uint64_t end = after != nullptr ? after->resumes_from : info.base_offset;
    if (info.header == HeaderState::kUnknownVersion) {
      fault(LogFaultKind::kUnknownVersion, info.name, 0, info.base_offset, end,
            fmt::format("version {}, this program knows {}", info.version, kKnownSegmentVersions));
      expected_ = std::max(expected_, end);
      return;
    }
    if (info.header == HeaderState::kDamaged) {
      const bool cut = info.bytes < sizeof(SegmentHeader);
      fault(cut ? LogFaultKind::kTruncatedFile : LogFaultKind::kDamagedHeader, info.name, 0,
            info.base_offset, cut ? end : info.base_offset,
            cut ? "the file ends within the segment's header" : damaged_header(info));
      if (cut) expected_ = std::max(expected_, end);
    }
    if (!opened || !*opened) {
      fault(LogFaultKind::kUnreadable, info.name, 0, info.base_offset, end,
            opened ? "the file is gone" : opened.error().message);
      expected_ = std::max(expected_, end);
      return;
    }
    scan(SegmentScanner(std::move((*opened)->file), info.base_offset, info.bytes,
                        [this](std::size_t bytes) { return may_read(bytes); }),
         after);
  }

  static std::string damaged_header(const SegmentInfo& info) {
    std::string why = "the segment's header does not match its checksum or the file's name";
    if (info.version < kOldestSegmentVersion || info.version > kSegmentVersion) {
      why += fmt::format("; it says version {}, this program knows {}", info.version,
                         kKnownSegmentVersions);
    }
    return why;
  }

  bool may_read(std::size_t bytes) {
    is_stopped_ = watch_.may_read && !watch_.may_read(bytes);
    return !is_stopped_;
  }

  void scan(SegmentScanner scanner, const SegmentInfo* after) {
    SegmentReport& report = report_.segments.back();
    const std::uint64_t void_from =
        after != nullptr ? after->resumes_from : std::numeric_limits<std::uint64_t>::max();
    while (true) {
      const auto piece = scanner.next(from_);
      if (is_stopped_) return;
      if (!piece) {
        const std::uint64_t end = after != nullptr ? void_from : expected_;
        fault(LogFaultKind::kUnreadable, report.file, report.bytes - scanner.bytes_left(),
              expected_, end, piece.error().message);
        expected_ = end;
        return;
      }
      if (piece->kind == PieceKind::kEnd) return;
      if (piece->from >= void_from) {
        report.void_bytes = report.bytes - piece->position;
        return;
      }
      if (!piece->is_passed_over) take(*piece, report, after);
      if (watch_.progress)
        watch_.progress(bytes_done_ - std::min(bytes_done_, scanner.bytes_left()));
    }
  }

  void take(const Piece& piece, SegmentReport& report, const SegmentInfo* after) {
    std::uint64_t to = piece.to.value_or(piece.from);
    if (after != nullptr && !piece.to) to = after->resumes_from;
    std::string why = piece.why;
    if (piece.kind == PieceKind::kBlock) {
      const auto checked = check(piece);
      if (checked) {
        count(piece.header, report);
        expected_ = std::max(expected_, to);
        return;
      }
      why = checked.error().message;
    }
    const bool cut = piece.kind == PieceKind::kTruncated ||
                     (piece.kind == PieceKind::kTorn && piece.bytes < sizeof(BlockHeader));
    // Blocks after the one that was cut are gone as well.
    if (cut && after != nullptr) to = std::max(to, after->resumes_from);
    fault(cut ? LogFaultKind::kTruncatedFile : LogFaultKind::kDamagedBlock, report.file,
          piece.position, piece.from, to, std::move(why));
    expected_ = std::max(expected_, to);
    report.end_offset = std::max(report.end_offset, piece.to.value_or(piece.from));
  }

  Result<void> check(const Piece& piece) {
    if (watch_.checksums_only) return {};
    const BlockHeader& header = piece.header;
    const auto payload = decoder_.decode(header, piece.stored);
    if (!payload) return std::unexpected(payload.error());
    if (!watch_.check) return {};
    return watch_.check({.base_offset = header.base_offset,
                         .count = header.count,
                         .min_time_ns = header.min_time_ns,
                         .max_time_ns = header.max_time_ns,
                         .payload = *payload,
                         .goes_on = header.goes_on(),
                         .leans = header.leans()});
  }

  static void count(const BlockHeader& header, SegmentReport& report) {
    const bool first = report.blocks == 0;  // never a short one: it leans on another
    if (!header.is_short()) {
      report.min_time_ns =
          first ? header.min_time_ns : std::min(report.min_time_ns, header.min_time_ns);
      report.max_time_ns =
          first ? header.max_time_ns : std::max(report.max_time_ns, header.max_time_ns);
    }
    ++report.blocks;
    report.raw_bytes += header.raw_bytes;
    report.end_offset = std::max(report.end_offset, header.end_offset());
  }

  FileSystem& files_;
  const FileSystem::Path& folder_;
  const LogWatch& watch_;
  LogReport report_;
  std::uint64_t expected_ = 0;    // all below was found, or is in a fault
  std::uint64_t bytes_done_ = 0;  // of the segments so far, when they are through
  std::uint64_t from_ = 0;        // what is before it in the segment is done
  bool is_stopped_ = false;
  BlockDecoder decoder_;
};

}  // namespace

std::string_view to_string(LogFaultKind kind) {
  switch (kind) {
    case LogFaultKind::kTruncatedFile:
      return "truncated file";
    case LogFaultKind::kDamagedBlock:
      return "damaged block";
    case LogFaultKind::kDamagedHeader:
      return "damaged header";
    case LogFaultKind::kMissingSegment:
      return "missing segment";
    case LogFaultKind::kUnknownVersion:
      return "unknown version";
    case LogFaultKind::kUnreadable:
      return "unreadable";
  }
  return "";
}

LogReport verify_log(FileSystem& files, const FileSystem::Path& folder, const LogWatch& watch) {
  return Verifier(files, folder, watch).run();
}

LogReport verify_segments(FileSystem& files, const FileSystem::Path& folder,
                          const std::vector<SegmentInfo>& segments, const LogWatch& watch) {
  return Verifier(files, folder, watch).run(segments);
}

}  // namespace slipstream
