#include <fmt/format.h>

#include <cstdio>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/log_check.h"
#include "history/segment_indexes.h"

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
  const auto index_faults = verify_indexes(posix_file_system(), check->folder);
  if (!index_faults) return tell_failure("log verify", index_faults.error());
  for (const IndexFault& fault : *index_faults) {
    fmt::print("{}: {}: it is not believed, and may be deleted\n", fault.file, fault.what);
  }
  fmt::print("{} blocks, {} entries, {} faults\n", check->blocks, check->entries,
             faults.size() + index_faults->size());
  return faults.empty() && index_faults->empty() ? kExitSuccess : kExitFailure;
}

}  // namespace slipstream
