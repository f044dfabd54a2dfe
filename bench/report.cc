#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "comparison.h"

namespace slipstream::bench {
namespace {

constexpr double kMoved = 0.05;  // what machines shared with others differ by, at the least

[[noreturn]] void refuse(const std::string& why) {
  fmt::print(stderr, "{}\n[PART] [--json FILE] [--against FILE] [--trials N]\n", why);
  std::exit(2);
}

}  // namespace

Report::Report(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--")) {
      if (!part_.empty()) refuse(fmt::format("two parts: {} and {}", part_, word));
      part_ = word;
      continue;
    }
    if (i + 1 == argc) refuse(fmt::format("{} says nothing, or is not known", word));
    const char* const value = argv[++i];
    if (word == "--json") {
      file_ = value;
    } else if (word == "--against") {
      against_ = value;
    } else if (word == "--trials") {
      trials_ = std::max(1, std::atoi(value));
    } else {
      refuse(fmt::format("{} is not known", word));
    }
  }
  if (against_.empty()) return;
  if (std::filesystem::is_directory(against_)) {
    against_ = std::filesystem::path(against_) /
               (std::filesystem::path(argv[0]).filename().string() + ".json");
    if (!std::filesystem::exists(against_)) return;
  }
  std::ifstream in(against_);
  if (!in) refuse(fmt::format("{} cannot be read", against_));
  before_.emplace(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

int Report::finish(const std::string& json) const {
  if (!file_.empty() && !(std::ofstream(file_) << json << "\n").flush()) {
    fmt::print(stderr, "{} cannot be written\n", file_);
    return 1;
  }
  if (!before_) {
    if (!against_.empty()) fmt::print("\n{} is not there to compare with\n", against_);
    return 0;
  }
  try {
    fmt::print("\nagainst {}: {}", against_, to_text(compare(*before_, json, kMoved), kMoved));
  } catch (const std::exception& e) {
    fmt::print(stderr, "{} cannot be compared with: {}\n", against_, e.what());
    return 1;
  }
  return 0;
}

std::string json_object(std::initializer_list<std::string> members) {
  std::string json = "{";
  for (const auto& member : members) {
    if (member.empty()) continue;
    if (json.size() > 1) json += ',';
    json += member;
  }
  return json + "}";
}

}  // namespace slipstream::bench
