#include "codec/draft_filler.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>

#include "codec/point_decoder_fixture.h"

namespace slipstream {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;  ///< names, and values as JSON

SchemaOptions with_sequence() {
  SchemaOptions options;
  options.sequence = "seq";
  return options;
}

bool is_text(std::string_view value) {
  return value.starts_with('"');
}
std::string_view unquoted(std::string_view value) {
  return is_text(value) ? value.substr(1, value.size() - 2) : value;
}

std::string as_json(const Members& members, std::string_view blank) {
  std::string out = "{";
  for (const auto& [name, value] : members) {
    out += fmt::format("{}\"{}\":{}{}", out.size() > 1 ? "," : "", name, blank, value);
  }
  return out + '}';
}
std::string as_csv(const Members& members) {
  std::string header, row;
  for (const auto& [name, value] : members) {
    header += (header.empty() ? "" : ",") + name;
    row += fmt::format("{}\"{}\"", row.empty() ? "" : ",", unquoted(value));
  }
  return header + '\n' + row + '\n';
}
std::string as_line(const Members& members) {
  std::string out;
  for (const auto& [name, value] : members) {
    out += fmt::format("{}{}={}", out.empty() ? "m " : ",", name, value);
  }
  return out + '\n';
}

/// The same point by each format, and what became of it.
class SameMeaning : public PointDecoderTest {
 protected:
  SameMeaning() : PointDecoderTest(with_sequence()) {}

  /// A refusal's reason, or all that was understood.
  std::string told() {
    if (!refused_.empty()) return std::string(to_string(refused_[0].reason));
    std::map<std::string, double> values;
    const Point& p = point();
    for (auto v = batch().values_begin(p); v != batch().values_end(p); ++v) {
      values[std::string(schema_.fields().name(v->field))] = v->value;
    }
    std::string out =
        fmt::format("{}/{} at {} lap {}{} sector {} sequence {}", batch().track(p),
                    batch().chassis(p), p.event_time.ns, p.lap, p.lap_is_fault ? " (fault)" : "",
                    p.sector, p.has_sequence ? std::to_string(p.sequence) : "none");
    for (const auto& [name, value] : values) out += fmt::format(" {}={}", name, value);
    return out;
  }
  std::map<std::string, std::string> by_format(const Members& members) {
    std::map<std::string, std::string> all;
    decode(as_json(members, ""));
    all["plain JSON"] = told();
    decode(as_json(members, " "));
    all["JSON"] = told();
    decode("");
    decode_table(as_csv(members));
    all["CSV"] = told();
    decode(as_line(members));
    all["line protocol"] = told();
    return all;
  }
  void expect_alike(const Members& members, const std::string& expected) {
    for (const auto& [format, outcome] : by_format(members)) {
      EXPECT_EQ(outcome, expected) << format << ": " << as_json(members, "").substr(0, 200);
    }
  }
};

std::string point_with(std::string_view lap, std::string_view sector, std::string_view sequence,
                       std::string_view values = "", std::int64_t at = 1'757'000'000'000'000'000) {
  return fmt::format("a/b at {} lap {} sector {} sequence {}{}", at, lap, sector, sequence, values);
}

struct MemberCase {
  std::string name;
  std::string value;
  std::string expected;
};

TEST_F(SameMeaning, WhateverFormatAMemberComesIn) {
  const std::string most_time = "1757000300000000000";
  const MemberCase cases[] = {
      {"lap", "0", point_with("0", "-1", "none")},
      {"lap", "32767", point_with("32767", "-1", "none")},
      {"lap", "32768", point_with("0 (fault)", "-1", "none")},
      {"lap", "32769", "out_of_range"},
      {"lap", "-1", "out_of_range"},
      {"lap", "5.0", point_with("5", "-1", "none")},
      {"lap", "1.5", "bad_number"},
      {"lap", "\"five\"", "bad_number"},
      {"sector", "1000000", point_with("0", "1000000", "none")},
      {"sector", "1000001", "out_of_range"},
      {"sector", "-1", "out_of_range"},
      {"sector", "0.5", "bad_number"},
      {"seq", "0", point_with("0", "-1", "0")},
      {"seq", "9007199254740993", point_with("0", "-1", "9007199254740993")},
      {"seq", "9223372036854775808", point_with("0", "-1", "9223372036854775808")},
      {"seq", "18446744073709551615", point_with("0", "-1", "18446744073709551615")},
      {"seq", "18446744073709551616", "bad_number"},
      {"seq", "-1", "bad_number"},
      {"seq", "1.5", "bad_number"},
      {"seq", "12.0", point_with("0", "-1", "12")},
      {"seq", "1e3", point_with("0", "-1", "1000")},
      {"seq", "\"many\"", "bad_number"},
      {"speed_kmh", "-0.5", point_with("0", "-1", "none", " speed_kmh=-0.5")},
      {"speed_kmh", "1e308", point_with("0", "-1", "none", " speed_kmh=1e+308")},
      {"speed_kmh", "1e999", "bad_number"},
      {"speed_kmh", "\"fast\"", "bad_number"},
      {"boost", "1.25", point_with("0", "-1", "none", " boost=1.25")},
      {"boost", "\"on\"", point_with("0", "-1", "none")},
      {"meta_time", "1700000000.25", point_with("0", "-1", "none", "", 1'700'000'000'250'000'000)},
      {"meta_time", "\"2023-11-14T22:13:20.123456789Z\"",
       point_with("0", "-1", "none", "", 1'700'000'000'123'456'789)},
      {"meta_time", "\"\"", point_with("0", "-1", "none")},
      {"meta_time", "-1", "bad_time"},
      {"meta_time", "17570321005", "bad_time"},
      {"meta_time", "\"yesterday\"", "bad_time"},
      {"meta_time", most_time, point_with("0", "-1", "none", "", 1'757'000'300'000'000'000)},
      {"meta_time", "1757000300000000001", "future_time"},
      {std::string(128, 'f'), "1",
       point_with("0", "-1", "none", fmt::format(" {}=1", std::string(128, 'f')))},
      {std::string(129, 'f'), "1", "out_of_range"},
  };
  for (const auto& c : cases) {
    // What a CSV row does not say of a known field is 0, so the lap stands there as elsewhere.
    expect_alike({{"track", "\"a\""}, {"chassis", "\"b\""}, {c.name, c.value}}, c.expected);
  }
}

TEST_F(SameMeaning, ADimensionHasItsLengthWhateverFormatItComesIn) {
  const auto named = [](std::size_t bytes) { return '"' + std::string(bytes, 'c') + '"'; };
  expect_alike({{"track", "\"a\""}, {"chassis", "\"\""}}, "missing_dimension");
  expect_alike({{"track", "\"a\""}, {"chassis", named(129)}}, "out_of_range");
  for (const auto& [format, outcome] : by_format({{"track", "\"a\""}, {"chassis", named(128)}})) {
    EXPECT_THAT(outcome, testing::StartsWith("a/" + std::string(128, 'c') + " at")) << format;
  }
}

TEST_F(SameMeaning, FieldsBeyondTheLimitAreLeftOutWhateverFormatTheyComeIn) {
  Members members = {{"track", "\"a\""}, {"chassis", "\"b\""}};
  std::string values;
  for (int i = 0; i < 257; ++i) {
    members.emplace_back(fmt::format("f{:03}", i), "1");
    if (i < 256) values += fmt::format(" f{:03}=1", i);
  }
  expect_alike(members, point_with("0", "-1", "none", values));
  EXPECT_EQ(stats_.fields_dropped.value(), 4u);
}

TEST_F(SameMeaning, APointHasItsSizeWhateverFormatItComesIn) {
  expect_alike(
      {{"track", "\"a\""}, {"chassis", "\"b\""}, {"note", '"' + std::string(65'536, 'n') + '"'}},
      "too_large");
}

}  // namespace
}  // namespace slipstream
