// The bound of a field's name is the same whatever the point came as.
#include <fmt/format.h>

#include "codec/point_decoder_fixture.h"
#include "codec/rollup_decoder.h"
#include "codec/trd_csv.h"

namespace slipstream {
namespace {

class FieldNames : public PointDecoderTest {
 protected:
  struct Format {
    std::string_view called;
    std::string before;  ///< the name
    std::string after;
  };
  static std::vector<Format> formats() {
    return {{"plain JSON", R"({"track":"a","chassis":"b",")", R"(":1})"},
            {"JSON with blanks", R"({ "track": "a", "chassis": "b", ")", R"(": 1 })"},
            {"an escaped name", R"({"track":"a","chassis":"b","\u0066)", R"(":1})"},
            {"line protocol", "a,chassis=b ", "=1"}};
  }
  void expect_refused(std::string_view called) {
    ASSERT_EQ(refused_.size(), 1u) << called;
    EXPECT_EQ(refused_[0].reason, RejectReason::kOutOfRange) << called;
    EXPECT_NE(refused_[0].message.find("at most 128 fit"), std::string::npos)
        << refused_[0].message;
    EXPECT_LT(refused_[0].message.size(), 200u) << called;
  }
};

TEST_F(FieldNames, OfMoreThan128BytesRefuseThePointInEveryFormat) {
  const std::size_t fields = schema_.fields().size();
  for (const auto& format : formats()) {
    for (const std::size_t bytes : {std::size_t{129}, std::size_t{60'000}}) {
      // Twice: the second time the decoder may have learnt the name.
      for (int i = 0; i < 2; ++i) {
        decode(format.before + std::string(bytes, 'n') + format.after);
        expect_refused(format.called);
      }
    }
  }
  refused_.clear();
  decode_table("track,chassis," + std::string(129, 'n') + "\na,b,1\n");
  expect_refused("CSV");
  EXPECT_EQ(schema_.fields().size(), fields) << "a refused name was kept";
}

TEST_F(FieldNames, OfATrdExportAreBoundAsWell) {
  const std::string trd =
      "expire_at,lap,meta_event,meta_session,meta_source,meta_time,original_vehicle_id,outing,"
      "telemetry_name,telemetry_value,timestamp,vehicle_id,vehicle_number\n"
      ",2,a,R1,kafka,2025-09-06T00:00:00Z,b,0," +
      std::string(129, 'n') + ",1,2025-09-05T00:00:00Z,b,2\n";
  const auto points = pivot_trd(trd, "a", *this);
  ASSERT_TRUE(refused_.empty());
  ASSERT_EQ(points.size(), 1u);
  decode(points[0].json);
  expect_refused("TRD");
}

TEST_F(FieldNames, Of128BytesAreTaken) {
  for (const auto& format : formats()) {
    decode(format.before + std::string(format.called == "an escaped name" ? 127 : 128, 'f') +
           format.after);
    EXPECT_TRUE(refused_.empty()) << format.called;
    EXPECT_EQ(value(*schema_.fields().intern(std::string(128, 'f'))), 1) << format.called;
  }
}

TEST_F(FieldNames, OfTextsAreNoFieldsAndMayBeLong) {
  const std::string name(300, 'n');
  for (const std::string text : {R"("x")", R"(true)", R"(null)", R"({"a":1})", R"([1,2])"}) {
    decode(fmt::format(R"({{"track":"a","chassis":"b","{}":{}}})", name, text));
    EXPECT_TRUE(refused_.empty()) << text;
    EXPECT_NE(jsons().at(0).find(name), std::string::npos) << text;
  }
}

TEST_F(FieldNames, ThatAreLongAreNotRememberedByADecoder) {
  MemberTable members{SchemaOptions{}};
  Member& kept = members.find_or_add(std::string(128, 'n'));
  EXPECT_TRUE(members.is_remembered(kept));
  Member& passing = members.find_or_add(std::string(129, 'n'));
  EXPECT_FALSE(members.is_remembered(passing));
  EXPECT_EQ(members.find(std::string(129, 'n')), nullptr);
}

TEST_F(FieldNames, OfOtherInstancesRollupsAreBoundAsWell) {
  RollupDecoder decoder(schema_.fields());
  const std::size_t fields = schema_.fields().size();
  const std::string json = fmt::format(
      R"({{"track":"a","chassis":"b","lap":1,"sector":0,"count":1,)"
      R"("first_ts":"2025-09-05T00:00:00Z","last_ts":"2025-09-05T00:00:00Z","avg_{}":1,)"
      R"("window":"bucket","window_id":"00000000000000000000000000000001"}})",
      std::string(129, 'n'));
  const auto rollup = decoder.decode(json);
  ASSERT_TRUE(rollup) << rollup.error().message;
  EXPECT_TRUE(rollup->fields.empty());
  EXPECT_EQ(schema_.fields().size(), fields);
}

TEST_F(FieldNames, TwoHundredFiftySixFieldsAreReadInOnePass) {
  std::string text = R"({"track":"a","chassis":"b")";
  for (int i = 0; i < 256; ++i) text += fmt::format(",\"f{}\":{}", i, i);
  for (int i = 0; i < 2; ++i) {
    decode(text + "}");
    ASSERT_EQ(point().value_count, 256);
    EXPECT_EQ(value(*schema_.fields().intern("f255")), 255);
  }
  EXPECT_EQ(stats_.fields_dropped.value(), 0u);
}

}  // namespace
}  // namespace slipstream
