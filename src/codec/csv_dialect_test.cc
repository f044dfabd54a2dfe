#include "codec/csv_dialect.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

struct PreambleCase {
  std::string text;
  char delimiter;
  std::string rest;
};

TEST(CsvPreamble, WhatIsNoRowIsTakenOff) {
  const PreambleCase cases[] = {
      {"a,b\n1,2", ',', "a,b\n1,2"},
      {"\xef\xbb\xbf"
       "a,b",
       ',', "a,b"},
      {"#Encoding: UTF-8\na,b", ',', "a,b"},
      {"\xef\xbb\xbf# one; two; three\r\n\r\n  \n# two\r\na,b\r\n", ',', "a,b\r\n"},
      {"sep=,\na;b;c,d\n", ',', "a;b;c,d\n"},
      {"sep=;\r\na,b;c,d\n", ';', "a,b;c,d\n"},
      {"\"SEP=\t\"\na,b\n", '\t', "a,b\n"},
      {"sep=|\na|b\n", '|', "a|b\n"},
      {"sep=x\nsep,x\n", ',', "sep=x\nsep,x\n"},
      {"a;b;c\n", ';', "a;b;c\n"},
      {"t;1,5;2,5\n", ';', "t;1,5;2,5\n"},
      {"a\tb c\td\n", '\t', "a\tb c\td\n"},
      {"\"a;b;c;d\",e\n", ',', "\"a;b;c;d\",e\n"},
      {"a;b,c,d\n", ',', "a;b,c,d\n"},
      {"\"a;\nb\",c,d\n", ',', "\"a;\nb\",c,d\n"},
      {"\"a;b\"\nc\n", ',', "\"a;b\"\nc\n"},
      {"# one\r\rsep=;\ra;b\r", ';', "a;b\r"},
      {"# only\n", ',', ""},
      {"", ',', ""},
  };
  for (const auto& c : cases) {
    std::string_view text = c.text;
    EXPECT_EQ(take_csv_preamble(text).dialect.delimiter, c.delimiter) << c.text;
    EXPECT_EQ(text, c.rest) << c.text;
  }
}

TEST(CsvPreamble, TheLastCommentIsKept) {
  std::string_view text = "# written by logger\n#  time,car \n1,2\n";
  EXPECT_EQ(take_csv_preamble(text).comment, "time,car");
}

TEST(CsvPreamble, ACarriageReturnEndsALineWhereNoLineFeedDoes) {
  const std::pair<std::string_view, char> cases[] = {
      {"a,b\r1,2\r", '\r'}, {"a,b\r\n1,2", '\n'}, {"a,b\r1,2\n", '\n'}};
  for (auto [text, line_end] : cases) {
    EXPECT_EQ(take_csv_preamble(text).dialect.line_end, line_end);
  }
}

TEST(CsvDialect, ADecimalCommaIsOneWhereCommasSeparateNothing) {
  std::string scratch;
  const CsvDialect semicolons{';'};
  EXPECT_EQ(semicolons.number_text("1,5", scratch), "1.5");
  EXPECT_EQ(semicolons.number_text("-1,5e3", scratch), "-1.5e3");
  EXPECT_EQ(semicolons.number_text("1.5", scratch), "1.5");
  for (const std::string text : {"1.234,5", "1,234.5", "1,2,3"}) {
    EXPECT_EQ(semicolons.number_text(text, scratch), text) << "a thousands separator is no number";
  }
  EXPECT_EQ(CsvDialect{','}.number_text("1,5", scratch), "1,5");
  EXPECT_EQ(CsvDialect{'\t'}.number_text("1,5", scratch), "1,5");
}

}  // namespace
}  // namespace slipstream
