#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "game/packed_reader.h"

namespace slipstream {

/// A channel of an iRacing telemetry file: where it stands in each record.
struct IbtVariable {
  enum class Type : std::uint8_t { kChar, kBool, kInt, kBitField, kFloat, kDouble };

  std::string name;
  std::string unit;
  Type type = Type::kInt;
  std::size_t offset = 0;
  std::size_t count = 1;
  bool is_over_time = false;  ///< several readings within the record's tick

  std::size_t bytes_each() const;
};

/// An iRacing telemetry file (`.ibt`): a head, what each channel is, what the session is (a text
/// that is nearly YAML), and records of one size, a tick each. All bytes are in memory, and are
/// borrowed. Nothing outside of them is read, whatever they say.
class IbtFile {
 public:
  /// Of a file's channels, and of a record.
  static constexpr std::size_t kMostVariables = 4'096;
  static constexpr std::size_t kMostRecordBytes = std::size_t{1} << 20;
  static constexpr std::size_t kHeadBytes = 144;

  /// Errors name the byte at which the file cannot be right.
  static Result<IbtFile> open(std::string_view bytes);
  /// Whether they are one, by what every such file has at its beginning.
  static bool fits(std::string_view begin);

  const std::vector<IbtVariable>& variables() const { return variables_; }
  /// nullptr: there is none.
  const IbtVariable* find(std::string_view name) const;
  std::string_view session_text() const { return session_text_; }
  std::size_t records() const { return records_; }
  std::string_view record(std::size_t index) const {
    return data_.substr(index * record_bytes_, record_bytes_);
  }
  double ticks_per_second() const { return ticks_per_second_; }
  /// When the recording began, in seconds since 1970; nothing: the file was not closed, and does
  /// not say it.
  std::optional<std::int64_t> began_s() const { return began_s_; }
  /// The session's clock at that time.
  double began_at_session_s() const { return began_at_session_s_; }
  /// Why there are fewer records than there should be; empty: there are all.
  const std::string& fault() const { return fault_; }

  /// One of a variable's `count`; as the file has it.
  static double number(std::string_view record, const IbtVariable& variable, std::size_t index = 0);
  /// Of characters: up to the first NUL.
  static std::string_view text(std::string_view record, const IbtVariable& variable);

 private:
  IbtFile() = default;
  Result<void> read_head(const game::PackedReader& bytes);
  Result<void> read_variables(const game::PackedReader& bytes);
  void count_records(std::uint64_t told, std::uint64_t data_at);

  std::vector<IbtVariable> variables_;
  std::string_view session_text_;
  std::string_view data_;
  std::size_t record_bytes_ = 0;
  std::size_t records_ = 0;
  double ticks_per_second_ = 0;
  std::optional<std::int64_t> began_s_;
  double began_at_session_s_ = 0;
  std::string fault_;
};

}  // namespace slipstream
