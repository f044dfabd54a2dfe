// Exports that were interrupted go on, to what they would have been.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <random>

#include "recorded.h"

namespace slipstream {
namespace {

using harness::http;
using harness::Program;
using harness::run;
using harness::Server;
using harness::TemporaryDirectory;
using testing::HasSubstr;

namespace fs = std::filesystem;

constexpr int kPoints = 60'000;
constexpr int kOfBody = 3'000;

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// So many points, with marks among them.
void record(const fs::path& data, int from, int count) {
  Server server({{"DATA_DIR", data.string()}});
  for (int begin = from; begin < from + count; begin += kOfBody) {
    std::string body;
    for (int n = begin; n < std::min(begin + kOfBody, from + count); ++n) {
      body += harness::point(n) + "\n";
      if (n % 100 == 0) body += fmt::format(R"({{"type":"mark","track":"cota","text":"{}"}})", n);
      if (n % 100 == 0) body += "\n";
    }
    ASSERT_EQ(
        http(server.port(), "POST", "/api/ingest", body, {{"Content-Type", "application/x-ndjson"}})
            .status,
        200u);
  }
  ASSERT_TRUE(server.stop());
}

class ExportResume : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<TemporaryDirectory>();
    record(directory_->path() / "data", 0, kPoints);
  }
  static void TearDownTestSuite() { directory_.reset(); }

  static std::vector<std::string> arguments(const std::vector<std::string>& form,
                                            const std::string& file) {
    std::vector<std::string> all{"export", "--data", "data", "--output", file};
    all.insert(all.end(), form.begin(), form.end());
    return all;
  }
  static std::vector<std::string> resuming(const std::vector<std::string>& form,
                                           const std::string& file) {
    auto all = arguments(form, file);
    all.emplace_back("--resume");
    return all;
  }
  static fs::path path(const std::string& file) { return directory_->path() / file; }
  static std::string reference(const std::vector<std::string>& form) {
    const auto ran = run(*directory_, arguments(form, "reference"));
    EXPECT_EQ(ran.code, 0) << ran.output;
    return text_of(path("reference"));
  }
  /// The exit code; of one that was killed once its file had so many bytes 1000 + SIGKILL.
  static int killed_at(std::uintmax_t bytes, const std::vector<std::string>& command,
                       const std::string& file) {
    Program program(*directory_, command);
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::error_code ignored;
    while (std::chrono::steady_clock::now() < limit) {
      const auto size = fs::file_size(path(file), ignored);
      if (!ignored && size >= bytes) break;
      siginfo_t ended{};
      if (waitid(P_PID, static_cast<id_t>(program.pid()), &ended, WEXITED | WNOHANG | WNOWAIT) ==
              0 &&
          ended.si_pid != 0) {
        break;
      }
    }
    program.signal(SIGKILL);
    return program.exit_code();
  }

  static inline std::unique_ptr<TemporaryDirectory> directory_;
};

struct Form {
  const char* name;
  std::vector<std::string> arguments;
};
class OfEachForm : public ExportResume, public testing::WithParamInterface<Form> {};

TEST_P(OfEachForm, KilledAtAnyInstantItGoesOnToTheSameBytes) {
  const auto& form = GetParam().arguments;
  const std::string whole = reference(form);
  std::mt19937 random(27);
  int killed = 0;
  for (int round = 0; round < 4; ++round) {
    fs::remove(path("killed"));
    std::uintmax_t before = 0;
    for (int kills = 0; kills < 3; ++kills) {
      const auto at = before + random() % (whole.size() - before);
      killed += killed_at(at + 1, resuming(form, "killed"), "killed") == 1'000 + SIGKILL ? 1 : 0;
      const std::string left = text_of(path("killed"));
      ASSERT_TRUE(whole.starts_with(left)) << left.size();
      ASSERT_GE(left.size(), before) << "what was there stays";
      before = std::min<std::uintmax_t>(left.size(), whole.size() - 1);
    }
    const auto ran = run(*directory_, resuming(form, "killed"));
    EXPECT_EQ(ran.code, 0) << ran.output;
    ASSERT_TRUE(text_of(path("killed")) == whole);
  }
  RecordProperty("killed", killed);
}

TEST_P(OfEachForm, CutAnywhereItGoesOnToTheSameBytes) {
  const auto& form = GetParam().arguments;
  const std::string whole = reference(form);
  std::mt19937 random(28);
  std::vector<std::size_t> sizes{0, 1, whole.size() - 1, whole.size()};
  for (int n = 0; n < 4; ++n) sizes.push_back(random() % whole.size());
  for (const std::size_t size : sizes) {
    std::ofstream(path("cut"), std::ios::binary) << whole.substr(0, size);
    const auto ran = run(*directory_, resuming(form, "cut"));
    EXPECT_EQ(ran.code, 0) << ran.output;
    EXPECT_THAT(
        ran.output,
        HasSubstr(size == 0 ? " exported\n" : fmt::format("of which {} bytes were there", size)));
    ASSERT_TRUE(text_of(path("cut")) == whole) << size;
  }
}

TEST_P(OfEachForm, WhatIsOfAnotherExportStaysAsItIs) {
  const auto& form = GetParam().arguments;
  const std::string whole = reference(form);
  std::string changed = whole.substr(0, whole.size() / 2);
  changed[changed.size() - 7] ^= 1;
  for (const auto& [text, says] :
       {std::pair(changed,
                  fmt::format("from its byte {} on it holds something else", changed.size() - 7)),
        std::pair(whole + "x", fmt::format("holds more than this export, and stays as it is: it "
                                           "would end at byte {} of {}",
                                           whole.size(), whole.size() + 1)),
        std::pair(std::string("meta_time\n"),
                  std::string("is not the beginning of this export"))}) {
    std::ofstream(path("other"), std::ios::binary) << text;
    const auto ran = run(*directory_, resuming(form, "other"));
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.output, HasSubstr(says));
    EXPECT_TRUE(text_of(path("other")) == text);
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, OfEachForm,
                         testing::Values(Form{"ndjson", {}}, Form{"csv", {"--format", "csv"}},
                                         Form{"mcap", {"--format", "mcap"}},
                                         Form{"of_one",
                                              {"--format", "mcap", "--chassis", "GR86-01"}},
                                         Form{"rollups", {"--what", "rollups", "--format", "csv"}}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST_F(ExportResume, WhatCameMeanwhileStandsBehind) {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "points.ndjson";
  const std::vector<std::string> command{"export",   "--data",        "data",
                                         "--output", "points.ndjson", "--resume"};
  record(directory.path() / "data", 0, 300);
  ASSERT_EQ(run(directory, command).code, 0);
  const std::string before = text_of(file);
  fs::resize_file(file, before.size() - 100);
  record(directory.path() / "data", 300, 300);
  const auto ran = run(directory, command);
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_TRUE(text_of(file).starts_with(before));
  EXPECT_EQ(std::ranges::count(text_of(file), '\n'), 600 + 6);
}

TEST_F(ExportResume, GoesWithAFileOfOneOfTheseFormats) {
  EXPECT_EQ(run(*directory_, {"export", "--data", "data", "--resume"}).code, 2);
  EXPECT_EQ(run(*directory_, {"export", "--data", "data", "--resume", "--format", "motec", "--lap",
                              "x", "--output", "x.ld"})
                .code,
            2);
  const auto ran = run(*directory_, resuming({}, "/dev/null"));
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.output, HasSubstr("/dev/null is no file that could go on"));
}

}  // namespace
}  // namespace slipstream
