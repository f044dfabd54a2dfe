#include "codec/csv_text.h"

#include <gtest/gtest.h>

#include "codec/point_decoder_fixture.h"

namespace slipstream {
namespace {

std::string cell(std::string_view text, CsvTexts texts = CsvTexts::kGuarded) {
  std::string out;
  append_csv_text(out, text, texts);
  return out;
}

TEST(CsvText, OneThatASpreadsheetWouldRunIsGuarded) {
  EXPECT_EQ(cell("=1+1"), "\"'=1+1\"");
  EXPECT_EQ(cell("+cmd"), "\"'+cmd\"");
  EXPECT_EQ(cell("-5"), "\"'-5\"");
  EXPECT_EQ(cell("@SUM(A1)"), "\"'@SUM(A1)\"");
  EXPECT_EQ(cell("\tx"), "\"'\tx\"");
  EXPECT_EQ(cell("\rx"), "\"'\rx\"");
  EXPECT_EQ(cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
  for (const auto text : {"", "a", "a=b", "1-2", "'quoted'", "x@y", "a b"}) {
    EXPECT_EQ(cell(text), text);
  }
  for (const std::string text : {"a,b", " =1", "a ", "\ta"}) {
    EXPECT_EQ(cell(text, CsvTexts::kRaw), '"' + text + '"');
  }
}

TEST(CsvText, RawOnesAreAsTheyWere) {
  EXPECT_EQ(cell("=1+1", CsvTexts::kRaw), "=1+1");
  EXPECT_EQ(cell("-5", CsvTexts::kRaw), "-5");
}

TEST(CsvText, EachComesBackAsItWas) {
  for (const std::string text : {"=1", "'=1", "''=1", "'", "''", "'a", "+", "-", "@", "\t", "\r",
                                 "=\"a\"", "plain", " a", "a\t ", " \"a\" ", "a\r"}) {
    const std::string out = cell(text);
    CsvReader reader(out);
    ASSERT_TRUE(reader.next()) << text;
    EXPECT_EQ(without_csv_guard(reader.cells().at(0)), text) << out;
  }
}

std::vector<std::string> cells_of(std::string_view record, char delimiter = ',') {
  CsvReader reader(record, delimiter);
  EXPECT_TRUE(reader.next() && reader.well_formed()) << record;
  return {reader.cells().begin(), reader.cells().end()};
}

TEST(CsvReader, TakesBlanksOffAroundQuotesAndKeepsThoseWithin) {
  using Cells = std::vector<std::string>;
  EXPECT_EQ(cells_of(" a , \"b , \"\"c\"\" \" ,\" \",, d\r\n"),
            (Cells{"a", "b , \"c\" ", " ", "", "d"}));
  EXPECT_EQ(cells_of("\"a\r\nb\",c"), (Cells{"a\r\nb", "c"}));
  EXPECT_EQ(cells_of("a\t \"b\tc\" \t\t", '\t'), (Cells{"a", "b\tc", "", ""}));
  EXPECT_EQ(cells_of("5\" tube,\"\"\"\""), (Cells{"5\" tube", "\""}));
}

TEST(CsvReader, AQuoteThatIsNotClosedCostsItsLineAlone) {
  for (const std::string line : {"a,\"b,c", "a,\"b", "a,\"b\"c,d", "\"a\"\"\"b\"", "a,\""}) {
    const std::string text = "1,\"2\"\n" + line + "\r\n\"3\",\"4\"\n5,\"6\n7\"\n";
    CsvReader reader(text);
    std::vector<std::string> good;
    std::vector<std::string> bad;
    while (reader.next()) (reader.well_formed() ? good : bad).emplace_back(reader.record());
    EXPECT_EQ(good, (std::vector<std::string>{"1,\"2\"", "\"3\",\"4\"", "5,\"6\n7\""})) << line;
    EXPECT_EQ(bad, std::vector<std::string>{line + "\r"});
  }
}

/// As many as a body may have, each of which could open a cell that reaches to the end.
TEST(CsvReader, QuotesThatCloseNothingCostNoMoreTimeThanOthers) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) text += "x\" ,\"\n";
  CsvReader reader(text);
  std::size_t records = 0;
  while (reader.next()) ++records;
  EXPECT_EQ(records, 1u);
}

struct GuardedCsv : PointDecoderTest {};

TEST_F(GuardedCsv, PointsAreWhatTheyWereBeforeTheGuard) {
  decode_table("track,chassis,lap,\"'=name\",note\n\"'=cota\",\"'@GR86\",3,1,\"'-5\"\n");
  ASSERT_TRUE(refused_.empty());
  EXPECT_EQ(batch().track(point()), "=cota");
  EXPECT_EQ(batch().chassis(point()), "@GR86");
  EXPECT_EQ(value(*schema_.fields().intern("=name")), 1);
  const auto json = jsons().at(0);
  EXPECT_NE(json.find(R"("note":"-5")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("track":"=cota")"), std::string::npos) << json;
}

TEST_F(GuardedCsv, ANumberStaysANumber) {
  decode_table("track,chassis,accx_can,note\na,b,-0.5,-5\n");
  ASSERT_TRUE(refused_.empty());
  EXPECT_EQ(value(field::kAccxCan), -0.5);
  EXPECT_EQ(value(*schema_.fields().intern("note")), -5);
}

}  // namespace
}  // namespace slipstream
