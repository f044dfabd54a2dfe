#pragma once
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace slipstream::harness {

/// A command of slipstream as a page tells it.
struct DocsCommand {
  std::vector<std::string> environment;
  std::vector<std::string> arguments;
};

/// The commands in the ```sh blocks of docs/`page`, a line each. `instead`: what stands there, and
/// what a test puts in its place.
inline std::vector<DocsCommand> commands_of_page(
    const std::string& page, const std::map<std::string, std::string>& instead) {
  std::ifstream in(SLIPSTREAM_SOURCE_DIR "/docs/" + page);
  std::vector<DocsCommand> commands;
  bool is_code = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      is_code = line == "```sh";
      continue;
    }
    if (!is_code) continue;
    for (const auto& [told, real] : instead) {
      if (const auto at = line.find(told); at != line.npos) line.replace(at, told.size(), real);
    }
    auto& command = commands.emplace_back();
    std::istringstream words(line);
    bool is_program_seen = false;
    for (std::string word; words >> word;) {
      if (is_program_seen) {
        command.arguments.push_back(word);
      } else if (word == "slipstream") {
        is_program_seen = true;
      } else {
        command.environment.push_back(word);
      }
    }
  }
  return commands;
}

}  // namespace slipstream::harness
