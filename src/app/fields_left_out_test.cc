#include "app/fields_left_out.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using testing::HasSubstr;

constexpr SteadyTime at(std::int64_t seconds) {
  return {seconds * kNsPerSecond};
}

TEST(FieldsLeftOut, AreToldOnceAMinuteWithWhatIsNew) {
  IngestStats ingest;
  const Schema schema;
  FieldsLeftOut left_out(ingest, schema.fields());
  EXPECT_FALSE(left_out.look(at(0)));
  ingest.fields_dropped.add(3);
  const auto first = left_out.look(at(1));
  ASSERT_TRUE(first) << "the first ones are told at once";
  EXPECT_THAT(*first, HasSubstr("3 fields left out"));
  EXPECT_THAT(*first, HasSubstr("at most 256"));
  ingest.fields_dropped.add(4);
  EXPECT_FALSE(left_out.look(at(60)));
  const auto second = left_out.look(at(61));
  ASSERT_TRUE(second);
  EXPECT_THAT(*second, HasSubstr("4 fields left out"));
  EXPECT_FALSE(left_out.look(at(500))) << "there were no more";
}

TEST(FieldsLeftOut, SayWhereTheNamesAreTooMany) {
  IngestStats ingest;
  Schema schema;
  for (int i = 0; schema.fields().intern(fmt::format("f{}", i)); ++i) {
  }
  FieldsLeftOut left_out(ingest, schema.fields());
  ingest.fields_dropped.add();
  EXPECT_THAT(left_out.look(at(1)).value_or(""),
              HasSubstr("1 field left out of points that were taken: there are 4096 names"));
}

}  // namespace
}  // namespace slipstream
