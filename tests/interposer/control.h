#pragma once
#include <atomic>
#include <cstdint>

namespace slipstream::interposer {

/// Names in the environment of a program that runs with the library.
inline constexpr const char* kControlVariable = "SLIPSTREAM_TEST_CONTROL";  ///< a file
inline constexpr const char* kFolderVariable = "SLIPSTREAM_TEST_FOLDER";    ///< an absolute path
inline constexpr const char* kRecordingVariable = "SLIPSTREAM_TEST_RECORDING";  ///< a file, or none

/// What a test and the program under it share, in a file that both map. All zero: nothing is done
/// to the program. Threads: any, of both.
struct Control {
  /// Added to what the wall clock tells; the steady clock is left alone.
  std::atomic<std::int64_t> wall_offset_ns;
  /// Not 0: nothing in the folder gets another block, as on a disk that is full.
  std::atomic<std::uint32_t> disk_is_full;
  /// The newest of an open file; see Event::handle.
  std::atomic<std::uint32_t> handles;
  /// In the recordings so far, over all runs of the program.
  std::atomic<std::uint64_t> events;
  /// What was refused, for the test to tell that it tried something.
  std::atomic<std::uint64_t> refused_for_space;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "it is shared by processes");

enum class EventKind : std::uint32_t {
  kOpen,       ///< text: the path
  kCreate,     ///< text: the path
  kWrite,      ///< number: where; text: the bytes
  kTruncate,   ///< number: the size; of a file that grows, zeros follow
  kSyncBegin,  ///< of a file or a folder
  kSyncEnd,    ///< it succeeded; number: that of the beginning among all events, counted from 0
  kRename,     ///< text: the path, other: the new one
  kLink,       ///< likewise
  kUnlink,     ///< text: the path
  kMakeFolder  ///< text: the path
};

/// How an event stands in a recording, followed by its text and its other text. Paths are relative
/// to what the folder is in.
struct EventHeader {
  EventKind kind;
  std::uint32_t handle;  ///< which opening of a file; never given out twice
  std::uint64_t number;
  std::uint32_t text_bytes;
  std::uint32_t other_bytes;
};
static_assert(sizeof(EventHeader) == 24);

}  // namespace slipstream::interposer
