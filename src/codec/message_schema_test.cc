// The schema that messages tell of themselves.
#include "codec/message_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

TEST(MessageSchema, NamesTheMembersAndTheirTypes) {
  MessageSchema schema;
  EXPECT_TRUE(schema.learn(R"({"n":1,"s":"a","t":true,"o":{"x":"y"},"l":[1],"none":null})"));
  EXPECT_FALSE(schema.learn(R"({"s":"b","n":-2.5e3,"none":null})"));
  EXPECT_EQ(schema.to_json(),
            R"({"type":"object","properties":{"l":{"type":"array"},"n":{"type":"number"},)"
            R"("o":{"type":"object"},"s":{"type":"string"},"t":{"type":"boolean"}}})");
}

TEST(MessageSchema, AMemberOfAnotherTypeHasBoth) {
  MessageSchema schema;
  EXPECT_TRUE(schema.learn(R"({"gear":1})"));
  EXPECT_TRUE(schema.learn(R"({"gear":"N"})"));
  EXPECT_FALSE(schema.learn(R"({"gear":2})"));
  EXPECT_EQ(schema.to_json(),
            R"({"type":"object","properties":{"gear":{"type":["number","string"]}}})");
}

TEST(MessageSchema, LearnsNoMoreThanItMay) {
  MessageSchema schema;
  std::string json = "{";
  for (std::size_t i = 0; i < MessageSchema::kMostMembers; ++i) {
    json += (i > 0 ? ",\"m" : "\"m") + std::to_string(i) + "\":1";
  }
  EXPECT_TRUE(schema.learn(json + "}"));
  EXPECT_FALSE(schema.learn(R"({"one_more":1})"));
}

}  // namespace
}  // namespace slipstream
