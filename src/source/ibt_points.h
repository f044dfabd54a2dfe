#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "source/ibt_file.h"
#include "source/ibt_names.h"

namespace slipstream {

/// The records of an `.ibt` as points: JSON objects with the members that points of games have, all
/// other variables under names of their own (IbtMember), and what the session's text says of driver
/// and car. A point has at most Schema::kMaxFieldsPerPoint numbers: variables of one number come
/// first, then arrays, and last those of readings within a tick; what finds no place is told. One
/// thread.
class IbtPoints {
 public:
  /// `track`: instead of the file's; empty: the file's. `ended_ns`: when the recording ended, where
  /// the file does not say when it began. Error: nothing says what track it is.
  static Result<IbtPoints> open(const IbtFile& file, const std::string& track,
                                std::int64_t ended_ns);

  struct Made {
    std::int64_t time_ns = 0;
    std::string_view json;  ///< good until the next call
  };
  /// In the order of the file, each once. Nothing: its clock says no time.
  std::optional<Made> point(std::size_t record);

  /// Names of variables that are in no point, since there is no room.
  const std::vector<std::string>& left_out() const { return left_out_; }
  bool is_dated_by_its_end() const { return !file_->began_s(); }

 private:
  struct Column {
    const IbtVariable* variable = nullptr;
    std::size_t index = 0;
    game::Scale scale = {};
    IbtMember::Range range = IbtMember::Range::kAll;
    std::string before;  ///< `,"name":`
  };
  struct TextColumn {
    const IbtVariable* variable = nullptr;
    std::string before;
  };

  explicit IbtPoints(const IbtFile& file) : file_(&file) {}
  void choose_columns();
  void add_column(const IbtVariable& variable, IbtMember member);
  std::string unique(std::string name);
  std::optional<double> clock_of(std::size_t record) const;
  std::optional<std::int64_t> time_of(std::size_t record);
  std::optional<std::uint32_t> lap_of(std::string_view record) const;
  void watch_last_lap(std::string_view record, std::optional<std::uint32_t> lap);
  void append_texts(std::string_view record);

  const IbtFile* file_;
  const IbtVariable* clock_ = nullptr;  ///< nullptr: the record's number tells the time
  const IbtVariable* lap_ = nullptr;
  const IbtVariable* session_number_ = nullptr;
  std::vector<Column> columns_;
  std::vector<TextColumn> texts_;
  std::vector<std::string> left_out_;
  std::vector<std::string> taken_;  ///< names of members
  std::string dimensions_;          ///< members that are the same in all points
  std::string sub_session_;
  std::int64_t began_ns_ = 0;
  double began_at_s_ = 0;  ///< on the session's clock
  double shift_s_ = 0;     ///< of a session whose clock began anew
  std::optional<double> last_s_;
  const IbtVariable* last_lap_ = nullptr;
  std::optional<std::uint32_t> lap_before_;  ///< of the record before
  double last_lap_before_s_ = 0;             ///< likewise
  /// Behind the line, while it is still told: the time of the lap before the last one.
  std::optional<double> old_last_lap_s_;
  std::string json_;
};

}  // namespace slipstream
