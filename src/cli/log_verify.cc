#include <fmt/format.h>

#include <cstdio>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/log_check.h"

namespace slipstream {

int run_log_verify(const std::string& directory) {
  const auto check = check_log(directory);
  if (!check) {
    return tell_failure("log verify", check.error());
  }
  if (!check->end_unknown.empty()) {
    fmt::print(stderr, "how far the log had come is not known: {}\n", check->end_unknown);
  }
  const auto& faults = check->report.faults;
  for (const auto& fault : faults) {
    fmt::print("{}: byte {}: offsets [{}, {}): {}: {}\n", fault.file, fault.position, fault.from,
               fault.to, to_string(fault.kind), fault.what);
  }
  fmt::print("{} blocks, {} entries, {} faults\n", check->blocks, check->entries, faults.size());
  return faults.empty() ? kExitSuccess : kExitFailure;
}

}  // namespace slipstream
