#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "log/file.h"

namespace slipstream {

inline constexpr std::array<char, 8> kSegmentMagic = {'S', 'L', 'I', 'P', 'L', 'O', 'G', '1'};
inline constexpr std::uint32_t kSegmentVersion = 3;
inline constexpr std::uint32_t kOldestSegmentVersion = 1;  ///< 0.1's: no body has several blocks

/// For people.
inline constexpr const char* kKnownSegmentVersions = "1 to 3";

/// As it lies at the beginning of a segment's file; docs/log_format.md describes it.
struct SegmentHeader {
  std::array<char, 8> magic = kSegmentMagic;
  std::uint32_t version = kSegmentVersion;
  std::uint32_t holds = 0;          ///< of a rewritten one: how many offsets; else 0
  std::uint64_t base_offset = 0;    ///< of its first block; also the file's name
  std::uint64_t resumes_from = 0;   ///< what older segments hold from here on is void
  std::uint64_t previous_base = 0;  ///< the segment before it; its own base where none was
  std::int64_t created_ns = 0;
  std::uint64_t checksum = 0;  ///< of all before it
};
static_assert(sizeof(SegmentHeader) == 56 &&
              std::has_unique_object_representations_v<SegmentHeader>);

enum class HeaderState { kGood, kDamaged, kUnknownVersion };

/// A segment's file, as its name and its header tell. Where the header is damaged, the name has to
/// do: its blocks can still be read.
struct SegmentInfo {
  std::string name;
  std::uint64_t base_offset = 0;
  std::uint64_t resumes_from = 0;
  std::optional<std::uint64_t> previous_base;
  std::int64_t created_ns = 0;
  std::uint64_t bytes = 0;
  std::uint32_t version = kSegmentVersion;  ///< as the header says, where there is one
  /// Of one that older ones were rewritten into: what they held, [base_offset, held_to()). Only a
  /// good header tells it.
  std::uint32_t holds = 0;
  HeaderState header = HeaderState::kGood;
  FileIdentity identity = {};
  bool is_gone = false;  ///< its name leads to it no more, which has been told

  bool is_rewritten() const { return holds > 0; }
  std::uint64_t held_to() const { return base_offset + holds; }
};

/// Why offsets behind a log's last block are missing, for people.
inline constexpr const char* kLostEnd =
    "the log ends before the offset that it is known to have reached";

/// Whether what stands before a segment is this one, or was rewritten into it.
bool comes_after(const SegmentInfo& segment, const SegmentInfo& before);

/// Twenty digits and ".slog", so that names in order are offsets in order.
std::string segment_name(std::uint64_t base_offset);
std::optional<std::uint64_t> parse_segment_name(std::string_view name);

std::string encode_segment_header(SegmentHeader header);
/// Reads the header of the segment that its name says begins with `base_offset`.
Result<SegmentInfo> read_segment_info(File& file, std::uint64_t base_offset);
/// One whose header is damaged is taken to be as young as the next one, or what is to come behind
/// the last: retention may keep it too long, and never removes it too early.
void lend_ages(std::vector<SegmentInfo>& segments, std::int64_t next_created_ns);
/// The folder's segments by base offset. Those that were rewritten into another one, and are still
/// there, are none any more: `leftover` gets their names. Other files are nobody's business.
Result<std::vector<SegmentInfo>> list_segments(FileSystem& files, const FileSystem::Path& folder,
                                               std::vector<std::string>* leftover = nullptr);

struct OpenSegment {
  std::unique_ptr<File> file;
  SegmentInfo info;
  bool is_rewritten = false;  ///< it is another one than was listed, and holds what that one held
};
/// Opens what was listed, or what it was rewritten into since then: which of the two is told by the
/// file that is open, so that a name may change hands at any time. Nothing: there is neither.
Result<std::optional<OpenSegment>> open_segment(FileSystem& files, const FileSystem::Path& folder,
                                                const SegmentInfo& listed);
/// Behind the name of a rewritten segment while it is made.
inline constexpr std::string_view kRewriteSuffix = ".rewrite";

}  // namespace slipstream
