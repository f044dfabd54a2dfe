#include "codec/rollup_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstring>
#include <utility>

#include "base/iso_time.h"
#include "base/json_text.h"
#include "base/number_text.h"
#include "model/tags.h"

namespace slipstream {
namespace {

constexpr std::size_t kMemberChars = 5;  // around prefix, name and value

constexpr std::size_t kPrefixChars = [] {
  std::size_t sum = 0;
  for (const auto& statistic : kStatistics) sum += statistic.prefix.size();
  return sum;
}();

/// Known at compile time, each prefix is copied without a loop.
template <std::size_t Index>
char* write_statistic(char* out, std::string_view name, const FieldFigures& figures,
                      StatisticSet written) {
  constexpr const Statistic& kStatistic = kStatistics[Index];
  if ((written & statistic_bit(Index)) == 0) return out;
  *out++ = ',';
  *out++ = '"';
  std::memcpy(out, kStatistic.prefix.data(), kStatistic.prefix.size());
  out += kStatistic.prefix.size();
  std::memcpy(out, name.data(), name.size());
  out += name.size();
  *out++ = '"';
  *out++ = ':';
  constexpr auto kWrite = kStatistic.is_computed ? write_figure : write_number;
  return kWrite(out, figures.*kStatistic.member);
}

template <std::size_t... Indices>
char* write_statistics(char* out, std::string_view name, const FieldFigures& figures,
                       StatisticSet written, std::index_sequence<Indices...>) {
  ((out = write_statistic<Indices>(out, name, figures, written)), ...);
  return out;
}

StatisticSet written_of(const Rollup& rollup, StatisticSet left_out) {
  StatisticSet written = 0;
  for (std::size_t row = 0; row < kStatistics.size(); ++row) {
    if (rollup.statistics.has(kStatistics[row].group)) written |= statistic_bit(row);
  }
  return static_cast<StatisticSet>(written & ~(rollup.left_out | left_out));
}

void append_integer(std::string& out, std::integral auto value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append_hex(std::string& out, const std::array<std::uint8_t, 16>& id) {
  static constexpr char kHex[] = "0123456789abcdef";
  char text[2 * sizeof id];
  char* at = text;
  for (const auto byte : id) {
    *at++ = kHex[byte >> 4];
    *at++ = kHex[byte & 15];
  }
  out.append(text, sizeof text);
}

/// Each behind a comma.
void append_fields(std::string& out, const Rollup& rollup, const FieldTable& fields,
                   const RollupSelection& selection) {
  const StatisticSet written = written_of(rollup, selection.left_out);
  std::size_t room = 0;
  for (const auto& f : rollup.fields) {
    room += kPrefixChars +
            kStatistics.size() * (kMemberChars + fields.json_name(f.field).size() + kNumberChars);
  }
  const std::size_t before = out.size();
  out.resize_and_overwrite(before + room, [&](char* text, std::size_t) {
    char* end = text + before;
    for (const auto& f : rollup.fields) {
      if (!selection.has_field(fields.name(f.field))) continue;
      end = write_statistics(end, fields.json_name(f.field), f, written,
                             std::make_index_sequence<kStatistics.size()>());
    }
    return static_cast<std::size_t>(end - text);
  });
}

}  // namespace

std::string window_id_text(const std::array<std::uint8_t, 16>& id) {
  std::string text;
  append_hex(text, id);
  return text;
}

bool is_rollup_member(std::string_view name) {
  static constexpr std::array<std::string_view, 11> kMembers = {
      "track",    "chassis", "tags",   "lap",       "sector", "count",
      "first_ts", "last_ts", "window", "window_id", "late"};
  return std::ranges::find(kMembers, name) != kMembers.end();
}

void append_rollup_head(std::string& out, const RollupHead& head) {
  out += R"({"track":)";
  append_json_string(out, head.track);
  out += R"(,"chassis":)";
  append_json_string(out, head.chassis);
  out += R"(,"lap":)";
  append_integer(out, head.lap);
  out += R"(,"sector":)";
  append_integer(out, head.sector);
  out += R"(,"count":)";
  append_integer(out, head.count);
  out += R"(,"first_ts":")";
  append_iso_time(out, head.first_time.ns);
  out += R"(","last_ts":")";
  append_iso_time(out, head.last_time.ns);
  out += '"';
  TagsReader reader(head.tags);
  while (const auto tag = reader.next()) {
    if (is_rollup_member(tag->name) || statistic_of(tag->name) != nullptr) continue;
    fmt::format_to(std::back_inserter(out), R"(,"{}":"{}")", tag->name, tag->value);
  }
  out += ",\"";
  out += tags::kMember;
  out += "\":{";
  out += head.tags;
  out += '}';
}

void append_rollup_tail(std::string& out, std::string_view window,
                        const std::array<std::uint8_t, 16>& id, bool late) {
  out += R"(,"window":)";
  append_json_string(out, window);
  out += R"(,"window_id":")";
  append_hex(out, id);
  out += late ? R"(","late":true})" : R"("})";
}

void append_rollup_json(std::string& out, const Rollup& rollup, const FieldTable& fields,
                        const RollupSelection& selection) {
  append_rollup_head(out, {rollup.track, rollup.chassis, rollup.tags, rollup.lap, rollup.sector,
                           rollup.count, rollup.first_time, rollup.last_time});
  append_fields(out, rollup, fields, selection);
  append_rollup_tail(out, rollup.window, rollup.window_id, rollup.late);
}

void append_rollup_stats(std::string& out, const Rollup& rollup, const FieldTable& fields) {
  const std::size_t begin = out.size();
  append_fields(out, rollup, fields, {});
  if (out.size() == begin) out += ',';
  out[begin] = '{';
  out += '}';
}

}  // namespace slipstream
