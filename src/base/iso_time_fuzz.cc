#include <cstdint>
#include <cstdlib>

#include "base/iso_time.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipstream;
  const auto ns = parse_iso_time({reinterpret_cast<const char*>(data), size});
  if (ns && parse_iso_time(iso_time(*ns)) != ns) std::abort();
  return 0;
}
