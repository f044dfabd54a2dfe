#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace slipstream {

/// Offsets [from, to).
struct OffsetRange {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  friend bool operator==(const OffsetRange&, const OffsetRange&) = default;
};

/// A set of offsets as ranges that neither touch nor overlap, in order. One thread.
class OffsetSet {
 public:
  void add(OffsetRange range);
  /// Takes off all from `end` on.
  void cut(std::uint64_t end);
  /// What is missing of `within`, in order.
  std::vector<OffsetRange> gaps(OffsetRange within) const;
  /// Behind the last of them; 0: it is empty.
  std::uint64_t end() const { return ranges_.empty() ? 0 : ranges_.back().to; }
  const std::vector<OffsetRange>& ranges() const { return ranges_; }

 private:
  std::vector<OffsetRange> ranges_;
};

/// How far a log has been forwarded to one server, in a small file of the log's data directory that
/// is replaced as a whole: after a crash it is as before or as after. What is being sent stands in
/// it before it goes, so that after a crash the same points are sent again under the same name.
/// Bounded: kMostRanges ranges. One thread, and one process: who has it holds a lock.
class ForwardPosition {
 public:
  static constexpr std::size_t kMostRanges = 256;

  /// What was sent, or is being sent, without an answer so far.
  struct Pending {
    OffsetRange range;
    std::int64_t since_ns = 0;  ///< when it was first sent, since 1970
  };
  /// A segment of which something was sent: a log that was begun anew has another one there.
  struct LogMark {
    std::uint64_t base = 0;
    std::int64_t created_ns = 0;
    friend bool operator==(const LogMark&, const LogMark&) = default;
  };
  struct State {
    std::string id;  ///< makes the names of what is sent this position's own
    OffsetSet delivered;
    std::optional<Pending> pending;
    std::optional<LogMark> log;
  };

  /// The file for this server, in its folder of the data directory.
  static std::filesystem::path file_for(const std::filesystem::path& data_dir,
                                        std::string_view server);
  /// Nothing delivered where there is no file yet. Errors: it cannot be read, or is damaged, or is
  /// another version's (kVersion).
  static Result<ForwardPosition> open(std::filesystem::path file, std::string_view server);

  State& state() { return state_; }
  const State& state() const { return state_; }
  bool is_new() const { return is_new_; }
  /// What was sent of offsets from `end` on is forgotten, since they are other points' now; so that
  /// those are no repetition, the names of what is sent from now on are others.
  void cut(std::uint64_t end);
  /// Errors: it cannot be made durable.
  Result<void> save();

 private:
  ForwardPosition(std::filesystem::path file, std::string_view server)
      : file_(std::move(file)), server_(server) {}

  std::filesystem::path file_;
  std::string server_;
  bool is_new_ = false;
  State state_;
};

/// As the file has it; for tests.
std::string to_text(const ForwardPosition::State& state, std::string_view server);
Result<ForwardPosition::State> parse_position(std::string_view text);

}  // namespace slipstream
