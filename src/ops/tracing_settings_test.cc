#include "ops/tracing_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

using Variables = std::map<std::string, std::string>;

std::expected<Config, std::vector<ConfigFault>> loaded(const Variables& variables) {
  return load_config(std::nullopt, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

TracingSetup setup_of(const Variables& variables) {
  return tracing_setup(loaded(variables).value()).value();
}

TEST(TracingSettings, WithoutAnEndpointNothingIsTraced) {
  EXPECT_FALSE(is_tracing(*loaded({})));
  EXPECT_FALSE(is_tracing(*loaded({{"OTEL_EXPORTER_OTLP_ENDPOINT", ""}})));
  EXPECT_TRUE(is_tracing(*loaded({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://a"}})));
}

TEST(TracingSettings, SpansGoToThePathOfTracesUnlessItIsTold) {
  const auto path_of = [](const Variables& variables) { return setup_of(variables).url.path; };
  EXPECT_EQ(path_of({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318"}}), "/v1/traces");
  EXPECT_EQ(path_of({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318/"}}), "/v1/traces");
  EXPECT_EQ(path_of({{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://a/otlp/"}}), "/otlp/v1/traces");
  EXPECT_EQ(path_of({{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://a/mine?x=1"},
                     {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://b"}}),
            "/mine?x=1");
}

TEST(TracingSettings, TheServicesNameIsWhatIsToldMostExactly) {
  const auto service_of = [](Variables variables) {
    variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://a";
    return setup_of(variables).resource;
  };
  EXPECT_THAT(service_of({}), ElementsAre(Pair("service.name", "slipstream")));
  EXPECT_THAT(service_of({{"OTEL_RESOURCE_ATTRIBUTES", "a=1, service.name = pit%2C1 ,b=x%3Dy"}}),
              ElementsAre(Pair("service.name", "pit,1"), Pair("a", "1"), Pair("b", "x=y")));
  EXPECT_THAT(
      service_of({{"OTEL_RESOURCE_ATTRIBUTES", "service.name=pit"}, {"OTEL_SERVICE_NAME", "wall"}}),
      ElementsAre(Pair("service.name", "wall")));
}

TEST(TracingSettings, WhatCannotBeIsToldWhereItWasSetAndNoSecretIs) {
  std::pair<Variables, std::string> bad[] = {
      {{{"OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://a"}}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
      {{{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://a/?b"}}, "OTEL_EXPORTER_OTLP_ENDPOINT"},
      {{{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "a"}}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"},
      {{{"OTEL_EXPORTER_OTLP_HEADERS", "key=1,hunter2"}}, "OTEL_EXPORTER_OTLP_HEADERS"},
      {{{"OTEL_EXPORTER_OTLP_HEADERS", "a key=hunter2"}}, "OTEL_EXPORTER_OTLP_HEADERS"},
      {{{"OTEL_EXPORTER_OTLP_HEADERS", "key=hunter2%0d%0a"}}, "OTEL_EXPORTER_OTLP_HEADERS"},
      {{{"OTEL_RESOURCE_ATTRIBUTES", "=1"}}, "OTEL_RESOURCE_ATTRIBUTES"},
      {{{"OTEL_RESOURCE_ATTRIBUTES", "a=%zz"}}, "OTEL_RESOURCE_ATTRIBUTES"},
      {{{"OTEL_TRACES_SAMPLER", "some"}}, "OTEL_TRACES_SAMPLER"},
      {{{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "1.5"}},
       "OTEL_TRACES_SAMPLER_ARG"},
  };
  for (auto& [variables, where] : bad) {
    variables.try_emplace("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    const auto config = loaded(variables);
    ASSERT_FALSE(config) << where;
    ASSERT_EQ(config.error().size(), 1u) << where;
    EXPECT_EQ(config.error().front().where, "environment variable " + where);
    EXPECT_THAT(config.error().front().message, testing::Not(HasSubstr("hunter2")));
  }
}

TEST(TracingSettings, WhereNothingIsTracedTheyMaySayWhatOtherProgramsKnow) {
  EXPECT_TRUE(loaded({{"OTEL_TRACES_SAMPLER", "xray"}}));
  EXPECT_TRUE(loaded({{"OTEL_EXPORTER_OTLP_HEADERS", "Authorization"}}));
}

}  // namespace
}  // namespace slipstream
