#include "cli/configuration.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>

namespace slipstream {

std::expected<Config, std::vector<ConfigFault>> read_configuration(const std::string& file) {
  std::optional<std::filesystem::path> path;
  if (!file.empty()) {
    path = file;
  } else if (std::filesystem::exists("slipstream.toml")) {
    path = "slipstream.toml";
  }
  return load_config(path, process_environment());
}

void print_faults(const std::vector<ConfigFault>& faults) {
  for (const auto& fault : faults) fmt::print(stderr, "{}: {}\n", fault.where, fault.message);
}

}  // namespace slipstream
