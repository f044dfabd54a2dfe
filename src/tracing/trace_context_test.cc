#include "tracing/trace_context.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>

namespace slipstream {
namespace {

constexpr std::string_view kGood = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Traceparent, IsReadAsW3CWritesIt) {
  const auto context = parse_traceparent(kGood);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace.text(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context->span.text(), "b7ad6b7169203331");
  EXPECT_TRUE(context->is_sampled);
}

TEST(Traceparent, OnlyTheLowestFlagSaysThatItIsSampled) {
  const std::string head(kGood.substr(0, 53));
  EXPECT_FALSE(parse_traceparent(head + "00")->is_sampled);
  EXPECT_FALSE(parse_traceparent(head + "fe")->is_sampled);
  EXPECT_TRUE(parse_traceparent(head + "03")->is_sampled);
}

TEST(Traceparent, OfALaterVersionWhatIsKnownIsRead) {
  const std::string later = "cc" + std::string(kGood.substr(2));
  EXPECT_EQ(parse_traceparent(later), parse_traceparent(kGood));
  EXPECT_EQ(parse_traceparent(later + "-what-is-next"), parse_traceparent(kGood));
}

TEST(Traceparent, WhatIsNoneIsPassedOver) {
  const std::string good(kGood);
  const auto with = [&](std::size_t at, std::string_view text) {
    std::string changed = good;
    return changed.replace(at, text.size(), text);
  };
  const std::string bad[] = {
      "",
      "00",
      good.substr(0, 54),
      good + "-more",  // version 00 has no more
      good + "0",
      "cc" + good.substr(2) + "x",
      with(0, "ff"),
      with(0, "0g"),
      with(3, "0AF7"),  // upper case
      with(3, std::string(32, '0')),
      with(36, std::string(16, '0')),
      with(2, "_"),
      with(35, "_"),
      with(52, "_"),
      with(53, "0x"),
      with(53, " 1"),
      with(36, "-7"),
      " " + good,
  };
  for (const std::string& text : bad) EXPECT_FALSE(parse_traceparent(text)) << text;
}

TEST(Traceparent, ReadsWhatItWrites) {
  rc::check([](std::uint64_t high, std::uint64_t low, std::uint64_t span, bool is_sampled) {
    RC_PRE((high | low) != 0 && span != 0);
    const TraceContext context{{high, low}, {span}, is_sampled};
    RC_ASSERT(parse_traceparent(to_traceparent(context)) == context);
  });
}

TEST(Traceparent, NoTextOfItsLengthBreaksIt) {
  rc::check([](std::string text) {
    text.resize(55, '-');
    const auto context = parse_traceparent(text);
    if (context) RC_ASSERT(context->trace.is_valid() && context->span.is_valid());
  });
}

}  // namespace
}  // namespace slipstream
