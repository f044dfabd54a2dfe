#include "codec/rollup_decoder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/iso_time.h"
#include "model/tags.h"

namespace slipstream {
namespace {

using simdjson::dom::element;

constexpr unsigned kNeeded = 0b111'1111;  // one bit a member that a rollup must have

bool read_id(std::string_view hex, std::array<std::uint8_t, 16>& id) {
  if (hex.size() != 2 * id.size()) return false;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const char* const digits = hex.data() + 2 * i;
    const auto read = std::from_chars(digits, digits + 2, id[i], 16);
    if (read.ec != std::errc{} || read.ptr != digits + 2) return false;
  }
  return true;
}

/// In the order of their names, as append_rollup_json() wrote them.
void read_tags(const element& value, std::string& tags) {
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return;
  for (const auto member : object) {
    std::string_view text;
    if (member.value.get(text) == simdjson::SUCCESS) append_tag(tags, {member.key, text});
  }
}

std::optional<EventTime> read_time(const element& value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return std::nullopt;
  const auto ns = parse_iso_time(text);
  if (!ns) return std::nullopt;
  return EventTime{*ns};
}

}  // namespace

struct RollupDecoder::Impl {
  explicit Impl(FieldTable& table) : fields(table) {}

  bool read_head(std::string_view name, const element& value, Rollup& rollup, unsigned& seen);
  bool read_figure(std::string_view name, const element& value, Rollup& rollup);

  FieldTable& fields;
  StatisticSet statistics = 0;  ///< that the rollup in hand gave
  simdjson::dom::parser parser;
};

RollupDecoder::RollupDecoder(FieldTable& fields) : impl_(std::make_unique<Impl>(fields)) {}
RollupDecoder::~RollupDecoder() = default;

bool RollupDecoder::Impl::read_head(std::string_view name, const element& value, Rollup& rollup,
                                    unsigned& seen) {
  const auto text = [&](std::string& to, unsigned bit) {
    std::string_view given;
    if (value.get(given) == simdjson::SUCCESS) {
      to = given;
      seen |= 1u << bit;
    }
    return true;
  };
  const auto integer = [&](auto& to) {
    std::int64_t given = 0;
    if (value.get(given) == simdjson::SUCCESS) {
      to = static_cast<std::remove_reference_t<decltype(to)>>(given);
      return true;
    }
    return false;
  };
  if (name == "track") return text(rollup.track, 0);
  if (name == "chassis") return text(rollup.chassis, 1);
  if (name == tags::kMember) return read_tags(value, rollup.tags), true;
  if (name == "window") return text(rollup.window, 2);
  if (name == "lap") return integer(rollup.lap), true;
  if (name == "sector") return integer(rollup.sector), true;
  if (name == "count") {
    if (integer(rollup.count)) seen |= 1u << 3;
    return true;
  }
  if (name == "first_ts" || name == "last_ts") {
    if (const auto time = read_time(value)) {
      (name == "first_ts" ? rollup.first_time : rollup.last_time) = *time;
      seen |= 1u << (name == "first_ts" ? 4 : 5);
    }
    return true;
  }
  if (name == "window_id") {
    std::string_view hex;
    if (value.get(hex) == simdjson::SUCCESS && read_id(hex, rollup.window_id)) seen |= 1u << 6;
    return true;
  }
  if (name == "late") {
    bool late = false;
    rollup.late = value.get(late) == simdjson::SUCCESS && late;
    return true;
  }
  return false;
}

bool RollupDecoder::Impl::read_figure(std::string_view name, const element& value, Rollup& rollup) {
  const Statistic* const statistic = statistic_of(name);
  if (statistic == nullptr) return false;
  double number = 0;
  if (value.get(number) != simdjson::SUCCESS) return false;
  const std::string_view field = name.substr(statistic->prefix.size());
  const auto id = field.size() <= Schema::kMaxFieldNameBytes ? fields.intern(field) : std::nullopt;
  if (!id) return true;  // no more names fit, or this one does not: as for points
  // The figures of a field stand together.
  if (rollup.fields.empty() || rollup.fields.back().field != *id) {
    rollup.fields.push_back({.field = *id});
  }
  rollup.fields.back().*statistic->member = number;
  rollup.statistics.set(statistic->group);
  statistics |= statistic_bit(static_cast<std::size_t>(statistic - kStatistics.data()));
  return true;
}

Result<Rollup> RollupDecoder::decode(std::string_view json) {
  element root;
  simdjson::dom::object members;
  // Of nothing there may be no address either, which the parser does not take.
  if (json.empty() ||
      impl_->parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS ||
      root.get(members) != simdjson::SUCCESS) {
    return fail("a rollup must be a JSON object");
  }
  Rollup rollup;
  unsigned seen = 0;
  impl_->statistics = 0;
  for (const auto member : members) {
    if (!impl_->read_head(member.key, member.value, rollup, seen)) {
      impl_->read_figure(member.key, member.value, rollup);
    }
  }
  for (std::size_t row = 0; row < kStatistics.size() && !rollup.fields.empty(); ++row) {
    const bool is_given = (impl_->statistics & statistic_bit(row)) != 0;
    if (!is_given && rollup.statistics.has(kStatistics[row].group)) {
      rollup.left_out |= statistic_bit(row);
    }
  }
  if (seen != kNeeded) {
    return fail("a rollup must have track, chassis, window, count, first_ts, last_ts, window_id");
  }
  return rollup;
}

}  // namespace slipstream
