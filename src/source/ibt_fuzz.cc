#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "source/ibt_points.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipstream;
  // In a block of its own, so that whatever is read behind it is seen.
  const auto bytes = std::make_unique<char[]>(size);
  if (size > 0) std::memcpy(bytes.get(), data, size);
  const auto file = IbtFile::open({bytes.get(), size});
  if (!file) return 0;
  auto points = IbtPoints::open(*file, "", 0);
  if (!points) return 0;
  for (std::size_t i = 0; i < file->records(); ++i) {
    const auto point = points->point(i);
    if (point && !point->json.ends_with('}')) std::abort();
  }
  return 0;
}
