#include "source/ibt_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace slipstream {
namespace {

using game::PackedReader;

// The head, and behind it what is known once the recording ends.
namespace ibt {
constexpr std::size_t kVersionAt = 0;
constexpr std::size_t kTickRateAt = 8;
constexpr std::size_t kSessionTextBytesAt = 16;
constexpr std::size_t kSessionTextAt = 20;
constexpr std::size_t kVariableCountAt = 24;
constexpr std::size_t kVariablesAt = 28;
constexpr std::size_t kBufferCountAt = 32;
constexpr std::size_t kRecordBytesAt = 36;
constexpr std::size_t kFirstRecordAt = 52;
constexpr std::size_t kBeganAt = 112;
constexpr std::size_t kBeganAtSessionAt = 120;
constexpr std::size_t kRecordCountAt = 140;

// A variable's description.
constexpr std::size_t kVariableBytes = 144;
constexpr std::size_t kTypeAt = 0;
constexpr std::size_t kOffsetAt = 4;
constexpr std::size_t kCountAt = 8;
constexpr std::size_t kIsOverTimeAt = 12;
constexpr std::size_t kNameAt = 16;
constexpr std::size_t kUnitAt = 112;
constexpr std::size_t kTextBytes = 32;

constexpr std::int32_t kNewestVersion = 2;
constexpr std::int32_t kMostBuffers = 4;
constexpr std::int32_t kMostTicksPerSecond = 10'000;
}  // namespace ibt

constexpr std::array<std::size_t, 6> kBytesOfType = {1, 1, 4, 4, 4, 8};

std::string_view until_nul(std::string_view text) {
  return text.substr(0, text.find('\0'));
}

std::unexpected<Error> wrong(std::size_t at, std::string_view why) {
  return fail(fmt::format("byte {}: {}", at, why), ErrorCode::kCorrupt);
}

}  // namespace

std::size_t IbtVariable::bytes_each() const {
  return kBytesOfType[static_cast<std::size_t>(type)];
}

bool IbtFile::fits(std::string_view begin) {
  const PackedReader head(begin);
  if (!head.has(0, kHeadBytes)) return false;
  const auto version = head.read<std::int32_t>(ibt::kVersionAt);
  const auto buffers = head.read<std::int32_t>(ibt::kBufferCountAt);
  const auto ticks = head.read<std::int32_t>(ibt::kTickRateAt);
  return version >= 1 && version <= ibt::kNewestVersion && buffers >= 1 &&
         buffers <= ibt::kMostBuffers && ticks >= 1 && ticks <= ibt::kMostTicksPerSecond &&
         head.read<std::int32_t>(ibt::kVariablesAt) >= static_cast<std::int32_t>(kHeadBytes) &&
         head.read<std::int32_t>(ibt::kSessionTextAt) >= static_cast<std::int32_t>(kHeadBytes);
}

Result<IbtFile> IbtFile::open(std::string_view bytes) {
  const PackedReader reader(bytes);
  IbtFile file;
  if (auto read = file.read_head(reader); !read) return std::unexpected(read.error());
  if (auto read = file.read_variables(reader); !read) return std::unexpected(read.error());
  return file;
}

Result<void> IbtFile::read_head(const PackedReader& bytes) {
  if (!bytes.has(0, kHeadBytes)) {
    return wrong(bytes.size(),
                 fmt::format("the file ends within its head of {} bytes", kHeadBytes));
  }
  const auto number = [&](std::size_t at) { return bytes.read<std::int32_t>(at); };
  if (const auto version = number(ibt::kVersionAt); version < 1 || version > ibt::kNewestVersion) {
    return wrong(ibt::kVersionAt,
                 fmt::format("version {}: 1 and {} are known", version, ibt::kNewestVersion));
  }
  const auto ticks = number(ibt::kTickRateAt);
  if (ticks < 1 || ticks > ibt::kMostTicksPerSecond) {
    return wrong(ibt::kTickRateAt, fmt::format("{} ticks a second cannot be", ticks));
  }
  ticks_per_second_ = ticks;
  const auto buffers = number(ibt::kBufferCountAt);
  if (buffers < 1 || buffers > ibt::kMostBuffers) {
    return wrong(ibt::kBufferCountAt, fmt::format("{} buffers cannot be", buffers));
  }
  const auto record_bytes = number(ibt::kRecordBytesAt);
  if (record_bytes < 1 || static_cast<std::size_t>(record_bytes) > kMostRecordBytes) {
    return wrong(ibt::kRecordBytesAt, fmt::format("a record of {} bytes cannot be", record_bytes));
  }
  record_bytes_ = static_cast<std::size_t>(record_bytes);
  const auto text_at = number(ibt::kSessionTextAt);
  const auto text_bytes = number(ibt::kSessionTextBytesAt);
  if (text_at < 0 || text_bytes < 0 ||
      !bytes.has(static_cast<std::size_t>(text_at), static_cast<std::size_t>(text_bytes))) {
    return wrong(ibt::kSessionTextBytesAt,
                 fmt::format("the session's text, {} bytes from byte {} on, is not in the file of "
                             "{} bytes",
                             text_bytes, text_at, bytes.size()));
  }
  session_text_ = until_nul(
      bytes.text(static_cast<std::size_t>(text_at), static_cast<std::size_t>(text_bytes)));
  const auto data_at = number(ibt::kFirstRecordAt);
  if (data_at < static_cast<std::int32_t>(kHeadBytes) ||
      !bytes.has(static_cast<std::size_t>(data_at), 0)) {
    return wrong(ibt::kFirstRecordAt,
                 fmt::format("the first record, at byte {}, is not in the file of {} bytes",
                             data_at, bytes.size()));
  }
  const auto began = bytes.read<std::int64_t>(ibt::kBeganAt);
  constexpr std::int64_t kLatestS = std::numeric_limits<std::int64_t>::max() / 1'000'000'000 - 1;
  if (began < 0 || began > kLatestS) {
    return wrong(ibt::kBeganAt,
                 fmt::format("a recording cannot have begun {} s after 1970", began));
  }
  if (began > 0) began_s_ = began;
  const auto at_session_s = bytes.read<double>(ibt::kBeganAtSessionAt);
  began_at_session_s_ = began > 0 && std::isfinite(at_session_s) ? at_session_s : 0;
  const auto count = number(ibt::kRecordCountAt);
  if (count < 0) {
    return wrong(ibt::kRecordCountAt, fmt::format("{} records cannot be", count));
  }
  data_ = bytes.text(static_cast<std::size_t>(data_at), bytes.size());
  count_records(static_cast<std::uint64_t>(count), static_cast<std::uint64_t>(data_at));
  return {};
}

/// The head is told how many there are when the recording ends; before, it says none.
void IbtFile::count_records(std::uint64_t told, std::uint64_t data_at) {
  const std::size_t whole = data_.size() / record_bytes_;
  records_ = told == 0 ? whole : static_cast<std::size_t>(std::min<std::uint64_t>(whole, told));
  if (told > whole) {
    fault_ = fmt::format("byte {}: the file ends behind {} of its {} records",
                         data_at + whole * record_bytes_, whole, told);
  } else if (told == 0 && data_.size() % record_bytes_ != 0) {
    fault_ = fmt::format("byte {}: the file ends within a record", data_at + whole * record_bytes_);
  } else if (told > 0 && whole > told) {
    fault_ = fmt::format(
        "byte {}: {} records stand behind the {} that the head tells, and are "
        "left out",
        data_at + told * record_bytes_, whole - told, told);
  }
}

Result<void> IbtFile::read_variables(const PackedReader& bytes) {
  const auto count = bytes.read<std::int32_t>(ibt::kVariableCountAt);
  if (count < 1 || static_cast<std::size_t>(count) > kMostVariables) {
    return wrong(ibt::kVariableCountAt,
                 fmt::format("{} variables: from 1 to {} can be", count, kMostVariables));
  }
  const auto begin = bytes.read<std::int32_t>(ibt::kVariablesAt);
  const std::size_t all_bytes = static_cast<std::size_t>(count) * ibt::kVariableBytes;
  if (begin < 0 || !bytes.has(static_cast<std::size_t>(begin), all_bytes)) {
    return wrong(ibt::kVariablesAt, fmt::format("the {} variables' descriptions, from byte {} on, "
                                                "are not in the file of {} bytes",
                                                count, begin, bytes.size()));
  }
  for (std::int32_t i = 0; i < count; ++i) {
    const std::size_t at =
        static_cast<std::size_t>(begin) + static_cast<std::size_t>(i) * ibt::kVariableBytes;
    const auto type = bytes.read<std::int32_t>(at + ibt::kTypeAt);
    const auto offset = bytes.read<std::int32_t>(at + ibt::kOffsetAt);
    const auto elements = bytes.read<std::int32_t>(at + ibt::kCountAt);
    IbtVariable variable;
    variable.name = until_nul(bytes.text(at + ibt::kNameAt, ibt::kTextBytes));
    variable.unit = until_nul(bytes.text(at + ibt::kUnitAt, ibt::kTextBytes));
    if (variable.name.empty()) return wrong(at + ibt::kNameAt, "a variable has no name");
    if (type < 0 || static_cast<std::size_t>(type) >= kBytesOfType.size()) {
      return wrong(at + ibt::kTypeAt,
                   fmt::format("{} is of type {}, which is not known", variable.name, type));
    }
    variable.type = static_cast<IbtVariable::Type>(type);
    const auto most = record_bytes_ / variable.bytes_each();
    if (elements < 1 || static_cast<std::size_t>(elements) > most || offset < 0 ||
        static_cast<std::size_t>(offset) >
            record_bytes_ - static_cast<std::size_t>(elements) * variable.bytes_each()) {
      return wrong(
          at + ibt::kOffsetAt,
          fmt::format("{}, {} of {} bytes from byte {} on, is not in a record of {} bytes",
                      variable.name, elements, variable.bytes_each(), offset, record_bytes_));
    }
    variable.offset = static_cast<std::size_t>(offset);
    variable.count = static_cast<std::size_t>(elements);
    variable.is_over_time = bytes.u8(at + ibt::kIsOverTimeAt) != 0 && variable.count > 1;
    variables_.push_back(std::move(variable));
  }
  return {};
}

const IbtVariable* IbtFile::find(std::string_view name) const {
  const auto at = std::ranges::find(variables_, name, &IbtVariable::name);
  return at == variables_.end() ? nullptr : &*at;
}

double IbtFile::number(std::string_view record, const IbtVariable& variable, std::size_t index) {
  const PackedReader bytes(record);
  const std::size_t at = variable.offset + index * variable.bytes_each();
  switch (variable.type) {
    case IbtVariable::Type::kChar:
      return bytes.u8(at);
    case IbtVariable::Type::kBool:
      return bytes.u8(at) == 0 ? 0 : 1;
    case IbtVariable::Type::kInt:
      return bytes.read<std::int32_t>(at);
    case IbtVariable::Type::kBitField:
      return bytes.read<std::uint32_t>(at);
    case IbtVariable::Type::kFloat:
      return static_cast<double>(bytes.read<float>(at));
    case IbtVariable::Type::kDouble:
      return bytes.read<double>(at);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::string_view IbtFile::text(std::string_view record, const IbtVariable& variable) {
  return until_nul(PackedReader(record).text(variable.offset, variable.count));
}

}  // namespace slipstream
