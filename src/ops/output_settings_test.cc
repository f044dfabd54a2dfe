#include "ops/output_settings.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

constexpr OutputOption kOptions[] = {
    {.name = "url", .help = "where to", .is_required = true},
    {.name = "timeout_ms", .help = "ms"},
};
constexpr OutputKind kKinds[] = {
    {.name = "hook",
     .help = "",
     .options = kOptions,
     .make = [](RollupDestination destination,
                const OutputSettings&) -> Result<std::unique_ptr<RollupSender>> {
       return fail(fmt::format("{} for {} of a cluster: {}", destination.name,
                               destination.windows.front(), destination.of_cluster));
     }},
};

struct Read {
  std::vector<OutputSettings> outputs;
  std::vector<std::string> faults;  ///< "LINE: message"
};
Read read(const std::string& text) {
  Read result;
  const auto table = toml::parse(text);
  read_outputs(*table.get("output"), kKinds, result.outputs,
               [&](const toml::node& at, const std::string& message) {
                 result.faults.push_back(fmt::format("{}: {}", at.source().begin.line, message));
               });
  return result;
}

TEST(OutputSettings, EachTableIsADestinationWithWhatItsKindAsksFor) {
  const auto [outputs, faults] = read(R"(
[[output]]
kind = "hook"
url = "http://a"
timeout_ms = 500
[[output]]
kind = "hook"
name = "pit"
url = "http://b"
windows = ["sector", "second"]
max_rollups = 7
)");
  EXPECT_THAT(faults, IsEmpty());
  ASSERT_THAT(outputs, SizeIs(2));
  EXPECT_EQ(outputs[0].name, "hook");
  EXPECT_THAT(outputs[0].windows, ElementsAre("bucket"));
  EXPECT_THAT(outputs[0].options, ElementsAre(Pair("timeout_ms", "500"), Pair("url", "http://a")));
  EXPECT_EQ(outputs[1].name, "pit");
  EXPECT_THAT(outputs[1].windows, ElementsAre("sector", "second"));
  EXPECT_EQ(outputs[1].max_rollups, 7u);
  EXPECT_EQ(make_sender(kKinds, outputs[1]).error().message, "pit for sector of a cluster: true");
  EXPECT_EQ(make_sender({}, outputs[1]).error().code, ErrorCode::kRefused);
}

TEST(OutputSettings, FaultsSayWhatIsExpectedAndWhere) {
  struct Case {
    std::string text;
    std::string fault;
  };
  const std::string hook = "[[output]]\nkind = \"hook\"\nurl = \"u\"\n";
  for (const auto& [text, fault] : {
           Case{"output = 1\n", "1: outputs are tables in an array: [[output]]"},
           Case{"[[output]]\nkind = \"hok\"\n",
                "1: [[output]] kind: hook is expected, not \"hok\""},
           Case{"[[output]]\nkind = \"hook\"\n", "1: [[output]]: url is missing: where to"},
           Case{
               hook + "uri = \"u\"\n",
               "4: [[output]]: 'uri' is no setting of hook: kind, name, windows, max_rollups, url, "
               "timeout_ms are"},
           Case{hook + "timeout_ms = [1]\n", "4: [[output]] timeout_ms: a string, a whole number"},
           Case{hook + "name = \"a b\"\n", "4: [[output]] name: 1 to 10 letters"},
           Case{hook + "name = \"eleven-char\"\n", "4: [[output]] name: 1 to 10 letters"},
           Case{hook + "windows = []\n", "4: [[output]] windows: a list"},
           Case{hook + "windows = [1]\n", "4: [[output]] windows: a list"},
           Case{hook + "max_rollups = 0\n", "4: [[output]] max_rollups: a whole number"},
       }) {
    EXPECT_THAT(read(text).faults, ElementsAre(HasSubstr(fault))) << text;
  }
}

TEST(OutputSettings, NamesTellDestinationsApartAndWindowsMustBeThere) {
  Config config;
  config.windows = default_windows(10, 2'000);
  config.outputs = {{.kind = "hook", .name = "a"},
                    {.kind = "hook", .name = "a", .windows = {"bucket", "lap"}},
                    {.kind = "hook", .name = "redis"}};
  std::vector<std::string> faults;
  check_outputs(config, [&](const std::string& where, const std::string& message) {
    faults.push_back(where + ": " + message);
  });
  EXPECT_THAT(faults,
              ElementsAre("[[output]] name: \"a\" is there twice",
                          "[[output]] windows: \"a\" has no window \"lap\" to get rollups of",
                          "[[output]] name: \"redis\" is there twice"));
}

}  // namespace
}  // namespace slipstream
