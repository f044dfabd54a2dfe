#include "codec/rollup_json.h"

#include <fmt/format.h>

#include <cstring>

#include "base/iso_time.h"
#include "base/json_text.h"
#include "base/number_text.h"

namespace slipstream {
namespace {

constexpr std::size_t kStatistics = 9;
constexpr std::size_t kPrefixChars = 7;  // with the quote before it

/// `prefix` includes the quote before the name.
template <std::size_t Size>
char* write_member(char* out, const char (&prefix)[Size], std::string_view name, double value,
                   char* (*write)(char*, double)) {
  static_assert(Size - 1 <= kPrefixChars);
  *out++ = ',';
  std::memcpy(out, prefix, Size - 1);
  out += Size - 1;
  std::memcpy(out, name.data(), name.size());
  out += name.size();
  *out++ = '"';
  *out++ = ':';
  return write(out, value);
}

/// Each behind a comma.
void append_fields(std::string& out, const Rollup& rollup, const FieldTable& fields) {
  std::size_t room = 0;
  for (const auto& f : rollup.fields) {
    room += kStatistics * (kPrefixChars + 3 + fields.json_name(f.field).size() + kNumberChars);
  }
  const std::size_t before = out.size();
  out.resize_and_overwrite(before + room, [&](char* text, std::size_t) {
    char* end = text + before;
    for (const auto& f : rollup.fields) {
      const auto name = fields.json_name(f.field);
      end = write_member(end, "\"avg_", name, f.avg, write_figure);
      end = write_member(end, "\"min_", name, f.min, write_number);
      end = write_member(end, "\"max_", name, f.max, write_number);
      end = write_member(end, "\"std_", name, f.std, write_figure);
      end = write_member(end, "\"last_", name, f.last, write_number);
      if (rollup.has_first) end = write_member(end, "\"first_", name, f.first, write_number);
      if (!rollup.has_quantiles) continue;
      end = write_member(end, "\"p50_", name, f.p50, write_figure);
      end = write_member(end, "\"p95_", name, f.p95, write_figure);
      end = write_member(end, "\"p99_", name, f.p99, write_figure);
    }
    return static_cast<std::size_t>(end - text);
  });
}

}  // namespace

std::string window_id_text(const std::array<std::uint8_t, 16>& id) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : id) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

void append_rollup_head(std::string& out, const RollupHead& head) {
  out += R"({"track":)";
  append_json_string(out, head.track);
  out += R"(,"chassis":)";
  append_json_string(out, head.chassis);
  fmt::format_to(std::back_inserter(out), R"(,"lap":{},"sector":{},"count":{},"first_ts":")",
                 head.lap, head.sector, head.count);
  append_iso_time(out, head.first_time.ns);
  out += R"(","last_ts":")";
  append_iso_time(out, head.last_time.ns);
  out += '"';
}

void append_rollup_tail(std::string& out, std::string_view window,
                        const std::array<std::uint8_t, 16>& id, bool late) {
  out += R"(,"window":)";
  append_json_string(out, window);
  fmt::format_to(std::back_inserter(out), R"(,"window_id":"{}"{}}})", window_id_text(id),
                 late ? R"(,"late":true)" : "");
}

void append_rollup_json(std::string& out, const Rollup& rollup, const FieldTable& fields) {
  append_rollup_head(out, {rollup.track, rollup.chassis, rollup.lap, rollup.sector, rollup.count,
                           rollup.first_time, rollup.last_time});
  append_fields(out, rollup, fields);
  append_rollup_tail(out, rollup.window, rollup.window_id, rollup.late);
}

void append_rollup_stats(std::string& out, const Rollup& rollup, const FieldTable& fields) {
  const std::size_t begin = out.size();
  append_fields(out, rollup, fields);
  if (out.size() == begin) out += ',';
  out[begin] = '{';
  out += '}';
}

}  // namespace slipstream
