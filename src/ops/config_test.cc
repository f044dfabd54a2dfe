#include "ops/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "base/cores.h"
#include "ops/settings.h"
#include "source/udp_source.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name =
        (std::filesystem::temp_directory_path() / "slipstream-config-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  auto load(const std::string& text, std::map<std::string, std::string> environment = {}) {
    const auto file = directory_ / "s.toml";
    std::ofstream(file) << text;
    return load_config(file, [environment](const std::string& name) -> std::optional<std::string> {
      const auto found = environment.find(name);
      return found == environment.end() ? std::nullopt : std::optional(found->second);
    });
  }
  /// "LINE: message" of each fault.
  std::vector<std::string> faults(const std::string& text,
                                  std::map<std::string, std::string> environment = {}) {
    std::vector<std::string> out;
    const auto config = load(text, std::move(environment));
    if (config) return out;
    const std::string file = (directory_ / "s.toml").string() + ":";
    for (const auto& fault : config.error()) {
      const bool in_file = fault.where.starts_with(file);
      out.push_back((in_file ? fault.where.substr(file.size()) : fault.where) + ": " +
                    fault.message);
    }
    return out;
  }

  std::filesystem::path directory_;
};

TEST_F(ConfigTest, DefaultsAreTheContracts) {
  const auto config = load("");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->server.port, 8081);
  EXPECT_EQ(config->server.listen, "127.0.0.1");
  EXPECT_EQ(config->server.ws_path, "/ws/realtime");
  EXPECT_EQ(config->server.max_ws_buffer_bytes, 2'000'000u);
  EXPECT_EQ(config->udp.front().port, 20'777);
  EXPECT_EQ(config->broadcast.batch_ms, 600);
  EXPECT_EQ(config->broadcast.ring_size, 20'000u);
  EXPECT_EQ(config->log.metrics_interval_s, 60);
  EXPECT_LE(config->pipeline.workers, 4u);
  ASSERT_THAT(config->windows, SizeIs(3));
  EXPECT_EQ(config->windows[0].close_count, 10u);
}

TEST_F(ConfigTest, EnvironmentWinsOverTheFile) {
  const auto config =
      load("[server]\nport = 9000\n[udp]\nallow = [\"10.0.0.0/8\"]\n",
           {{"PORT", "9001"}, {"UDP_ALLOW", "127.0.0.1,::1"}, {"FLUSH_THRESHOLD", "25"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->server.port, 9001);
  EXPECT_THAT(config->udp.front().allow, ElementsAre("127.0.0.1", "::1"));
  EXPECT_EQ(config->windows[0].close_count, 25u);
}

TEST_F(ConfigTest, TheFilesOwnBucketTakesTheEnvironmentToo) {
  const auto config =
      load("[[window]]\nname = \"bucket\"\ncount = 3\n[[window]]\nname = \"two\"\ncount = 2\n",
           {{"FLUSH_THRESHOLD", "25"}, {"BUCKET_IDLE_MS", "70"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->windows[0].close_count, 25u);
  EXPECT_EQ(config->windows[0].idle_ms, 70);
  EXPECT_EQ(config->windows[1].close_count, 2u);
  EXPECT_EQ(config->windows[1].idle_ms, 0);
}

TEST_F(ConfigTest, VariablesInTheFileAreReplaced) {
  const auto config = load("# ${NOBODY}\n[server]\nport = ${P:-7000}\nlisten = \"${HOST}\"\n",
                           {{"HOST", "127.0.0.9"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->server.port, 7000);
  EXPECT_EQ(config->server.listen, "127.0.0.9");
}

TEST_F(ConfigTest, EveryFaultIsNamedWithItsLine) {
  EXPECT_THAT(faults("[server]\nport = 70000\nprot = 1\n\n[upd]\n[udp]\nenabled = 1\n"),
              ElementsAre("2: [server] port: a whole number from 0 to 65535 is expected",
                          "3: 'prot' is no setting; is 'port' meant?",
                          "7: [udp] enabled: true or false is expected",
                          "5: 'upd' is no setting; is 'udp' meant?"));
  EXPECT_THAT(
      faults("[server]\nport = \"${NOBODY}\"\n"),
      testing::Contains("2: ${NOBODY} is not set, and has no default (${NOBODY:-default})"));
  EXPECT_THAT(faults("[server\n"), ElementsAre(HasSubstr("1: ")));
  EXPECT_THAT(
      faults("", {{"PORT", "many"}}),
      ElementsAre(
          "environment variable PORT: a whole number from 0 to 65535 is expected, not 'many'"));
  EXPECT_THAT(faults("[durability]\nlog = \"paper\"\n"),
              ElementsAre(HasSubstr("one of segments redis none")));
  EXPECT_THAT(faults("[schema.ranges]\nspeed_kmh = [5, 1]\n"),
              ElementsAre(HasSubstr("[least, greatest]")));
  EXPECT_THAT(faults("[server]\n\nws_path = \"ws\"\n"),
              ElementsAre("3: [server] ws_path: a path that begins with / is expected"));
  EXPECT_THAT(faults("", {{"WS_PATH", "/api/health"}}),
              ElementsAre("environment variable WS_PATH: [server] ws_path: /api/health is an "
                          "endpoint already"));
  EXPECT_THAT(faults("[store]\ndata_dir = \"\"\n"),
              ElementsAre("2: [store] data_dir: a directory is expected"));
  EXPECT_THAT(
      faults("[store]\n\nwindow_retention_hours = [\"sector=0\", \"seconds=48\"]\n"),
      ElementsAre("3: [store] window_retention_hours: there is no window \"seconds\"; there "
                  "are: bucket, sector, second"));
  EXPECT_THAT(
      faults("[[window]]\nname = \"lap\"\ncount = 9\n", {{"WINDOW_RETENTION_HOURS", "second=1"}}),
      ElementsAre("environment variable WINDOW_RETENTION_HOURS: [store] window_retention_hours: "
                  "there is no window \"second\"; there are: lap"));
  EXPECT_THAT(faults("[store]\nwindow_retention_hours = [\"second\"]\n"),
              ElementsAre(HasSubstr("a list of WINDOW=HOURS is expected")));
  EXPECT_THAT(faults("[schema]\ntime = \"speed_kmh\"\nsequence = \"lap\"\n"),
              ElementsAre("2: [schema] time: a member's name that no other has is expected, not "
                          "\"speed_kmh\"",
                          "3: [schema] sequence: a member's name that no other has is expected, "
                          "not \"lap\""));
  EXPECT_THAT(faults("[schema.ranges]\nspeed_kmh = [nan, 5.0]\n"),
              ElementsAre(HasSubstr("[least, greatest]")));
  EXPECT_THAT(faults("[log]\nlevel = \"loud\"\n"),
              ElementsAre(HasSubstr("one of trace debug info warn error")));
}

TEST_F(ConfigTest, WindowsOfTheFileReplaceTheDefaults) {
  const auto config = load(R"(
[[window]]
name = "tenth"
every_ms = 100
lateness_ms = 50
quantiles = true
[[window]]
name = "lap"
key = ["lap"]
change = true
stored = true
late = "drop"
)");
  ASSERT_TRUE(config) << config.error().front().message;
  ASSERT_THAT(config->windows, SizeIs(2));
  EXPECT_EQ(config->windows[0].every_ms, 100);
  EXPECT_TRUE(config->windows[0].statistics.has(StatisticGroup::kQuantiles));
  EXPECT_TRUE(config->windows[1].key_lap);
  EXPECT_EQ(config->windows[0].late, LatePolicy::kRollup) << "unless it says otherwise";
  EXPECT_EQ(config->windows[1].late, LatePolicy::kDrop);
  EXPECT_THAT(faults("[[window]]\nname = \"never\"\n"),
              ElementsAre(HasSubstr("1: window 'never' never closes")));
  EXPECT_THAT(faults("[[window]]\nname = \"w\"\ncuont = 3\nkey = [\"gear\"]\n"), SizeIs(3));
}

TEST_F(ConfigTest, AllWindowsTakeWhatAStampMayBeAhead) {
  const std::string window = "[[window]]\nname = \"tenth\"\nevery_ms = 100\n";
  const auto ahead = [](const Config& config) {
    std::set<std::int64_t> all;
    for (const auto& w : config.windows) all.insert(w.ahead_ms.value());
    return all;
  };
  EXPECT_THAT(ahead(*load(window)), ElementsAre(2'000));
  EXPECT_THAT(ahead(*load("")), ElementsAre(2'000));
  EXPECT_THAT(ahead(*load("[clocks]\nwatermark_ahead_ms = 0\n" + window)), ElementsAre(0));
  EXPECT_THAT(ahead(*load("", {{"WATERMARK_AHEAD_MS", "5000"}})), ElementsAre(5'000));
}

TEST_F(ConfigTest, SeveralUdpSourcesAreTablesInAnArray) {
  const auto config = load(R"(
[[udp]]
port = 20777
[[udp]]
port = 8089
host = "127.0.0.1"
decoder = "line"
allow = ["10.0.0.0/8"]
)",
                           {{"UDP_PORT", "5000"}, {"UDP_DECODER", "json"}});
  ASSERT_TRUE(config) << config.error().front().message;
  ASSERT_THAT(config->udp, SizeIs(2));
  EXPECT_EQ(config->udp[0].port, 5'000);
  EXPECT_EQ(config->udp[0].decoder, "json");
  EXPECT_EQ(config->udp[1].port, 8'089);
  EXPECT_EQ(config->udp[1].host, "127.0.0.1");
  EXPECT_EQ(config->udp[1].decoder, "line");
  EXPECT_THAT(config->udp[1].allow, ElementsAre("10.0.0.0/8"));
  EXPECT_EQ(located(*config, {"[[udp]] number 2 decoder", "x"}).where,
            (directory_ / "s.toml").string() + ":7");
}

TEST_F(ConfigTest, FaultsOfAUdpSourceSayWhichAndWhere) {
  EXPECT_THAT(faults("[[udp]]\nport = 1\n[[udp]]\nprot = 2\nport = -1\n"),
              testing::UnorderedElementsAre(
                  "4: 'prot' is no setting; is 'port' meant?",
                  "5: [[udp]] number 2 port: a whole number from 0 to 65535 is expected"));
  EXPECT_THAT(faults("udp = []\n"), ElementsAre(HasSubstr("[[udp]]")));
  EXPECT_THAT(faults("udp = [1]\n"), ElementsAre(HasSubstr("[[udp]]")));
  // Not both: the file itself is faulty.
  EXPECT_THAT(faults("[udp]\nport = 1\n[[udp]]\nport = 2\n"), SizeIs(1));
}

TEST_F(ConfigTest, ASourceSaysWhomItSendsOnTo) {
  const auto one = load(
      "[udp]\nport = 1\n[[udp.forward]]\nto = \"pc.local:20778\"\n"
      "[[udp.forward]]\nto = \"[::1]:5\"\nmax_per_second = 7\n");
  ASSERT_TRUE(one);
  ASSERT_THAT(one->udp[0].forward, SizeIs(2));
  EXPECT_EQ(one->udp[0].forward[0].to, "pc.local:20778");
  EXPECT_EQ(one->udp[0].forward[0].max_per_second, 20'000u);
  EXPECT_EQ(one->udp[0].forward[1].to, "[::1]:5");
  EXPECT_EQ(one->udp[0].forward[1].max_per_second, 7u);
  EXPECT_THAT(located(*one, {"[udp] forward 2", "x"}).where, testing::EndsWith(":5"));

  const auto several = load(
      "[[udp]]\nport = 1\n[[udp.forward]]\nto = \"a:1\"\n[[udp]]\nport = 2\n"
      "[[udp.forward]]\nto = \"b:2\"\n[[udp.forward]]\nto = \"c:3\"\n");
  ASSERT_TRUE(several);
  ASSERT_THAT(several->udp[0].forward, SizeIs(1));
  ASSERT_THAT(several->udp[1].forward, SizeIs(2));
  EXPECT_EQ(several->udp[1].forward[1].to, "c:3");
  // The environment's are the first one's, and leave its targets alone.
  EXPECT_THAT(load("[[udp.forward]]\nto = \"a:1\"\n", {{"UDP_PORT", "9"}})->udp[0].forward,
              SizeIs(1));
}

TEST_F(ConfigTest, FaultsOfWhomASourceSendsOnToAreNamedWithTheirLines) {
  EXPECT_THAT(
      faults("[[udp.forward]]\nto = \"a\"\n[[udp.forward]]\nmax_per_second = 0\nto = 5\n"
             "[[udp.forward]]\nport = 5\n"),
      ElementsAre(HasSubstr("2: [[udp.forward]] to: \"HOST:PORT\" is expected"),
                  HasSubstr("4: [[udp.forward]] max_per_second: a whole number from 1 to"),
                  HasSubstr("5: [[udp.forward]] to: \"HOST:PORT\" is expected"),
                  HasSubstr("7: [[udp.forward]]: 'port' is no setting: to and max_per_second"),
                  HasSubstr("6: [[udp.forward]]: to is missing")));
  EXPECT_THAT(faults("[udp]\nforward = \"a:1\"\n"),
              ElementsAre(HasSubstr("tables in an array: [[udp.forward]]")));
  EXPECT_THAT(faults("[[udp.forward]]\nto = \"a:1\"\n[[udp.forward]]\nto = \"a:1\"\n"),
              ElementsAre(HasSubstr("3: [udp]: [[udp.forward]] to = \"a:1\" is there twice")));
  std::string many;
  for (int i = 1; i <= 17; ++i) {
    many += "[[udp.forward]]\nto = \"a:" + std::to_string(i) + "\"\n";
  }
  EXPECT_THAT(faults(many), ElementsAre(HasSubstr("33: [udp]: at most 16")));
}

TEST_F(ConfigTest, ReceiversAreANumberOrGoByTheCores) {
  const std::uint32_t usual = UdpSource::usual_receivers(usable_cores());
  EXPECT_EQ(load("")->udp[0].receivers, usual);
  EXPECT_EQ(load("[udp]\nreceivers = \"auto\"\n")->udp[0].receivers, usual);
  EXPECT_EQ(load("[udp]\nreceivers = 3\n", {{"UDP_RECEIVERS", "auto"}})->udp[0].receivers, usual);
  EXPECT_EQ(load("", {{"UDP_RECEIVERS", "8"}})->udp[0].receivers, 8u);
  const auto config = load("[[udp]]\nreceivers = 2\n[[udp]]\nport = 1\nreceivers = 4\n");
  ASSERT_TRUE(config) << config.error().front().message;
  EXPECT_EQ(config->udp[0].receivers, 2u);
  EXPECT_EQ(config->udp[1].receivers, 4u);
  EXPECT_EQ(load("")->udp[0].decode_helpers, UdpSource::usual_helpers(usable_cores(), usual));
  EXPECT_EQ(load("[udp]\ndecode_helpers = 0\n")->udp[0].decode_helpers, 0u);
  EXPECT_EQ(load("", {{"UDP_DECODE_HELPERS", "3"}})->udp[0].decode_helpers, 3u);
  EXPECT_THAT(
      faults("[udp]\ndecode_helpers = 9\n"),
      ElementsAre("2: [udp] decode_helpers: \"auto\" or a whole number from 0 to 8 is expected"));
  for (const auto bad : {"0", "9", "-1", "\"many\"", "true", "1.5"}) {
    EXPECT_THAT(
        faults(std::string("[udp]\nreceivers = ") + bad + "\n"),
        ElementsAre("2: [udp] receivers: \"auto\" or a whole number from 1 to 8 is expected"))
        << bad;
  }
  for (const auto bad : {"0", "9", "2 ", ""}) {
    const auto refused = load("", {{"UDP_RECEIVERS", bad}});
    ASSERT_FALSE(refused) << bad;
    EXPECT_THAT(refused.error().front().where, HasSubstr("UDP_RECEIVERS"));
  }
}

TEST_F(ConfigTest, TwoUdpSourcesNeedTwoPorts) {
  EXPECT_THAT(faults("[[udp]]\n[[udp]]\nport = 20777\n"),
              ElementsAre("3: [[udp]] number 2 port: 20777 is the port of [udp] already: another "
                          "one, or another host, is expected"));
  for (const auto good : {
           "[[udp]]\nhost = \"127.0.0.1\"\n[[udp]]\nhost = \"::1\"\n",
           "[[udp]]\nport = 0\n[[udp]]\nport = 0\n",
           "[[udp]]\n[[udp]]\nenabled = false\n",
       }) {
    EXPECT_TRUE(load(good)) << good;
  }
}

TEST_F(ConfigTest, TokensComeFromTheFileAndTheEnvironment) {
  const auto config =
      load("[security]\ntokens = [{name = \"a\", token = \"t\", scopes = [\"read\", \"write\"]}]\n",
           {{"API_TOKEN_ADMIN", "secret"}});
  ASSERT_TRUE(config) << config.error().front().message;
  const auto tokens = all_tokens(config->security);
  ASSERT_THAT(tokens, SizeIs(2));
  EXPECT_EQ(tokens[0].name, "a");
  EXPECT_TRUE(tokens[0].read && tokens[0].write && !tokens[0].admin);
  EXPECT_EQ(tokens[1].name, "API_TOKEN_ADMIN");
  EXPECT_TRUE(tokens[1].admin && !tokens[1].read);
}

TEST_F(ConfigTest, FaultsOfTokensAreNamedWithoutTheTokens) {
  const std::string head = "[[security.tokens]]\n";
  struct Case {
    std::string text;
    std::string fault;
  };
  for (const auto& [text, fault] : {
           Case{head + "token = \"hush\"\nscopes = [\"read\"]\n", "a name is missing"},
           Case{head + "name = \"a\"\nscopes = [\"read\"]\n", "either token or token_sha256"},
           Case{head + "name = \"a\"\ntoken = \"hush\"\n", "scopes are missing"},
           Case{head + "name = \"a\"\ntoken = \"hush\"\nscopes = [\"all\"]\n",
                "a list of read, write and admin"},
           Case{head + "name = \"a\"\ntoken_sha256 = \"hush\"\nscopes = [\"read\"]\n",
                "64 hex digits"},
           Case{head + "name = \"a\"\ntoken = \"hush\"\nscope = [\"read\"]\n",
                "'scope' is no setting"},
           Case{"[security]\ntokens = [\"hush\"]\n", "tokens are tables"},
           Case{"[security]\nprotect_metrics = true\n", "no token with the scope admin"},
           Case{"[security]\ntls_key = \"k.pem\"\n", "one needs the other"},
       }) {
    const auto all = faults(text);
    EXPECT_THAT(all, testing::Contains(HasSubstr(fault))) << text;
    EXPECT_THAT(all, testing::Not(testing::Contains(HasSubstr("hush")))) << text;
  }
}

TEST(Settings, NamesAreUniqueAndTheDocumentsAreTheTable) {
  std::map<std::string, int> names;
  for (const auto& s : settings()) {
    EXPECT_EQ(++names[s.environment], 1) << s.environment;
    EXPECT_EQ(++names[s.section + "." + s.key], 1) << s.key;
  }
  const std::filesystem::path root = SLIPSTREAM_SOURCE_DIR;
  const auto read = [](const std::filesystem::path& path) {
    std::ifstream in(path);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  EXPECT_EQ(read(root / "config" / "slipstream.toml"), default_config_text());
  EXPECT_THAT(read(root / "docs" / "configuration.md"), HasSubstr(settings_markdown()));
  EXPECT_THAT(read(root / "docs" / "configuration.md"), HasSubstr(statistics_markdown()));
  const auto config = load_config(root / "config" / "slipstream.toml",
                                  [](const std::string&) { return std::nullopt; });
  EXPECT_TRUE(config) << config.error().front().message;
}

}  // namespace
}  // namespace slipstream
