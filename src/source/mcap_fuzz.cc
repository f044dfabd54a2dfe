#include <cstdint>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>

#include "source/mcap_points.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipstream;
  const std::string file(mcap::kMagic);
  McapReader reader(std::make_unique<std::istringstream>(
      file + std::string(reinterpret_cast<const char*>(data), size)));
  McapPoints points("", "fuzz");
  while (const auto message = reader.next()) {
    const auto taken = points.decode(*message, [](std::string_view json, bool) {
      if (!json.starts_with('{')) std::abort();
      return Result<void>();
    });
    if (!taken) std::abort();
  }
  if (reader.position() > file.size() + size) std::abort();
  if (reader.faults().empty() != (reader.fault_count() == 0)) std::abort();
  return 0;
}
