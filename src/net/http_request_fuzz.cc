#include <cstdint>
#include <cstdlib>

#include "net/request_testing.h"

/// The first byte says how the rest is cut; what requests are found does not depend on that.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using slipstream::net_testing::read_requests;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = read_requests(bytes, [&] { return size; });
  const std::size_t piece = std::size_t{data[0]} + 1;
  if (read_requests(bytes, [&] { return piece; }) != whole) std::abort();
  return 0;
}
