#include "history/point_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "codec/point_log_format.h"
#include "log/block.h"
#include "log/segment_scanner.h"

namespace slipstream {
namespace {

/// What a block is without being decoded: enough to pass over it.
bool can_be_passed_over(const BlockHeader& header, std::string_view payload, bool is_rewritten,
                        const PointQuery& query) {
  if (header.is_short() || header.leans() || payload.empty()) return false;
  if (header.max_time_ns >= query.from.ns && header.min_time_ns <= query.to.ns) return false;
  const auto version = static_cast<std::uint8_t>(payload.front());
  // A chain's first payload is what those behind it go on with; nothing leans once rewritten.
  if (version == point_log::kChainVersion) return is_rewritten;
  return version == point_log::kVersion || version == point_log::kOldestVersion;
}

}  // namespace

/// One query.
class PointReader::Run {
 public:
  Run(PointReader& reader, const PointQuery& query, const std::stop_token& stop, bool by_index)
      : reader_(reader),
        query_(query),
        stop_(stop),
        by_index_(by_index),
        due_(reader.clock_.steady() + reader.limits_.max_ns),
        collector_(query, reader.limits_, reader.derived_) {}

  /// Nothing: an index was not to be believed.
  Result<std::optional<MachinePoints>> run() {
    const auto segments = reader_.all_segments();
    std::uint64_t done_to = 0;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const SegmentInfo& segment = segments[i].info;
      const Place place = reader_.place_of(segments[i]);
      if (segment.base_offset < done_to) continue;  // within one that was rewritten
      const auto index = by_index_ ? place.indexes.find(segment) : nullptr;
      if (index && !index->reaches(query_.from, query_.to)) {
        reach(segments[i], index->held_to());
        continue;
      }
      auto opened = open(segments[i], place);
      if (!opened) return std::unexpected(opened.error());
      if (!*opened) {
        // Retention has removed it just now, or somebody else: what it had is missing.
        if (i + 1 == segments.size()) collector_.lose(1);
        continue;
      }
      reach(segments[i], segment.base_offset);
      if ((*opened)->info.header == HeaderState::kUnknownVersion) {
        collector_.lose(1);
        held_to_ = std::max(held_to_, i + 1 < segments.size() ? segments[i + 1].info.resumes_from
                                                              : std::uint64_t{0});
        continue;
      }
      if ((*opened)->is_rewritten) done_to = (*opened)->info.held_to();
      std::size_t next = i + 1;
      while (next < segments.size() && segments[next].info.base_offset < done_to) ++next;
      const std::uint64_t void_from = next < segments.size()
                                          ? segments[next].info.resumes_from
                                          : std::numeric_limits<std::uint64_t>::max();
      const bool is_open = i + 1 == segments.size() && !segments[i].is_kept;
      const auto believed =
          is_open && by_index_ && index == nullptr
              ? read_open_segment(std::move(**opened), segment, void_from)
              : read_segment(std::move(**opened), segment.base_offset, void_from, index.get());
      if (!believed) return std::unexpected(believed.error());
      if (!*believed) {
        index ? place.indexes.distrust(segment) : reader_.open_index_->forget();
        return std::nullopt;
      }
    }
    if (segments.empty()) collector_.begins({reader_.clock_.now().ns});
    return collector_.finish();
  }

 private:
  /// It may be moved to those that are kept at any time.
  Result<std::optional<OpenSegment>> open(const Placed& segment, const Place& place) {
    auto opened = open_segment(reader_.files_, place.folder, segment.info);
    if (!opened || *opened || segment.is_kept || reader_.kept_ == nullptr) return opened;
    return open_segment(reader_.files_, reader_.kept_->folder(), segment.info);
  }

  /// The next segment that is there holds offsets up to `held_to` at least: what is missing between
  /// it and the one before is lost. What is missing before the first of all, and behind those that
  /// were kept, retention took.
  void reach(const Placed& placed, std::uint64_t held_to) {
    const SegmentInfo& segment = placed.info;
    const bool is_behind_kept = std::exchange(was_kept_, placed.is_kept);
    if (!has_begun_ ? segment.resumes_from > 0
                    : is_behind_kept && held_to_ < segment.resumes_from) {
      collector_.begins({segment.created_ns});
    } else if (has_begun_ && held_to_ < segment.resumes_from) {
      collector_.lose(segment.resumes_from - held_to_);
    }
    has_begun_ = true;
    held_to_ = std::max({held_to_, held_to, segment.held_to()});
  }

  /// False: the index is not to be believed.
  Result<bool> read_segment(OpenSegment segment, std::uint64_t from, std::uint64_t void_from,
                            const SegmentIndex* index) {
    const SegmentInfo& info = segment.info;
    if (index != nullptr && !index->is_of(info)) index = nullptr;  // rewritten just now
    held_to_ = std::max(held_to_, info.is_rewritten() ? info.held_to()
                                  : index != nullptr  ? index->held_to()
                                                      : std::uint64_t{0});
    SegmentScanner scanner(std::move(segment.file), info.base_offset, info.bytes);
    if (index == nullptr) return read_blocks(scanner, from, void_from, info.is_rewritten());
    return read_groups(scanner, *index, void_from, info.is_rewritten());
  }

  /// Of the open segment, the groups that can matter, and all that is behind the last whole one.
  Result<bool> read_open_segment(OpenSegment segment, const SegmentInfo& listed,
                                 std::uint64_t void_from) {
    const auto index =
        reader_.open_index_->read_on(reader_.files_, reader_.folder_, listed,
                                     [this](std::size_t) { return go_on().has_value(); });
    if (!index) {
      if (auto may = go_on(); !may) return std::unexpected(may.error());
      return std::unexpected(index.error());
    }
    if (*index == nullptr || segment.is_rewritten) {
      return read_segment(std::move(segment), listed.base_offset, void_from, nullptr);
    }
    SegmentScanner scanner(std::move(segment.file), listed.base_offset, listed.bytes);
    if (auto read = read_groups(scanner, **index, void_from, false); !read || !*read) return read;
    const auto& last = (*index)->groups().back();
    auto place = scanner.place();
    place.position = last.position;
    place.expected = last.from;
    scanner.go_back(place, listed.bytes);
    held_to_ = std::max(held_to_, last.from);
    return read_blocks(scanner, last.from, void_from, false);
  }

  /// False: the index is not to be believed.
  Result<bool> read_groups(SegmentScanner& scanner, const SegmentIndex& index,
                           std::uint64_t void_from, bool is_rewritten) {
    auto place = scanner.place();
    for (const auto& group : index.find(query_.track, query_.chassis, query_.from, query_.to)) {
      place.position = group.position;
      place.expected = group.from;
      scanner.go_back(place, group.end);
      const auto first = scanner.next(group.from);
      if (!first) return std::unexpected(first.error());
      if (first->kind != PieceKind::kBlock || first->from != group.from) return false;
      scanner.go_back(place, group.end);
      auto read = read_blocks(scanner, group.from, std::min(void_from, group.to), is_rewritten);
      if (!read) return read;
    }
    return true;
  }

  Result<bool> read_blocks(SegmentScanner& scanner, std::uint64_t from, std::uint64_t void_from,
                           bool is_rewritten) {
    std::uint64_t expected = from;
    while (true) {
      if (auto may = go_on(); !may) return std::unexpected(may.error());
      const auto piece = scanner.next(expected);
      if (!piece) return std::unexpected(piece.error());
      if (piece->kind == PieceKind::kEnd || piece->from >= void_from) {
        held_to_ = std::max(held_to_, expected);
        return true;
      }
      if (piece->kind != PieceKind::kBlock) {
        const std::uint64_t to = std::min(piece->to.value_or(piece->from + 1), void_from);
        if (piece->kind != PieceKind::kTorn) collector_.lose(to - std::min(to, piece->from));
        expected = std::max(expected, to);
        continue;
      }
      if (piece->is_passed_over) {
        expected = std::max(expected, *piece->to);
        continue;
      }
      expected = std::max(expected, *piece->to);
      if (auto taken = take(*piece, is_rewritten); !taken) return std::unexpected(taken.error());
    }
  }

  Result<void> go_on() const {
    if (stop_.stop_requested()) return fail("it was given up", ErrorCode::kTimeout);
    if (reader_.clock_.steady() < due_) return {};
    return fail(fmt::format("reading the log took more than {} s: ask for less time",
                            reader_.limits_.max_ns / kNsPerSecond),
                ErrorCode::kTimeout);
  }

  Result<void> take(const Piece& piece, bool is_rewritten) {
    const auto payload = blocks_.decode(piece.header, piece.stored);
    if (!payload) {
      collector_.lose(piece.header.count);
      return {};
    }
    if (can_be_passed_over(piece.header, *payload, is_rewritten, query_)) return {};
    auto taken = collector_.take(*payload, piece.header.count, [this] { return go_on(); });
    if (!taken && taken.error().code == ErrorCode::kCorrupt) return {};  // counted as lost
    return taken;
  }

  PointReader& reader_;
  const PointQuery& query_;
  const std::stop_token& stop_;
  const bool by_index_;
  const SteadyTime due_;
  PointCollector collector_;
  BlockDecoder blocks_;
  bool has_begun_ = false;
  bool was_kept_ = false;      ///< the segment before
  std::uint64_t held_to_ = 0;  ///< offsets below it are read, or known to be of no use
};

PointReader::PointReader(FileSystem& files, FileSystem::Path folder, Segments segments,
                         SegmentIndexes& indexes, const Clock& clock, ReadLimits limits,
                         PinnedSegments* kept, SchemaOptions derived)
    : files_(files),
      folder_(std::move(folder)),
      segments_(std::move(segments)),
      indexes_(indexes),
      clock_(clock),
      limits_(limits),
      open_index_(std::make_unique<OpenSegmentIndex>()),
      kept_(kept),
      derived_(std::move(derived)) {}

/// The log's are listed first: one that is moved meanwhile is in both lists, and taken once.
std::vector<PointReader::Placed> PointReader::all_segments() const {
  const auto of_log = segments_();
  std::vector<Placed> all;
  if (kept_ != nullptr) {
    for (SegmentInfo& segment : kept_->segments()) all.push_back({std::move(segment), true});
  }
  for (const SegmentInfo& segment : of_log) {
    const bool is_moved = std::ranges::any_of(
        all, [&](const Placed& kept) { return kept.info.base_offset == segment.base_offset; });
    if (!is_moved) all.push_back({segment, false});
  }
  return all;
}

PointReader::Place PointReader::place_of(const Placed& segment) {
  if (segment.is_kept) return {kept_->folder(), kept_->indexes()};
  return {folder_, indexes_};
}

Result<MachinePoints> PointReader::read(const PointQuery& query, const std::stop_token& stop) {
  auto points = Run(*this, query, stop, true).run();
  if (points && !*points) points = Run(*this, query, stop, false).run();
  if (!points) return std::unexpected(points.error());
  return std::move(**points);
}

void PointReader::keep_up(const std::stop_token& stop) {
  const auto segments = segments_();
  if (segments.empty()) return;
  std::ignore = open_index_->read_on(files_, folder_, segments.back(),
                                     [&](std::size_t) { return !stop.stop_requested(); });
}

}  // namespace slipstream
