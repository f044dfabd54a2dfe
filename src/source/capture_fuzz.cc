#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "source/capture.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipstream;
  // In a block of its own, so that whatever is read behind it is seen.
  const auto bytes = std::make_unique<char[]>(size);
  if (size > 0) std::memcpy(bytes.get(), data, size);
  const std::string_view all(bytes.get(), size);
  const auto capture =
      read_capture(capture_format_of(all, "x.cap").value_or(CaptureFormat::kRecords), all);
  std::size_t sum = 0;
  for (const auto& [time_ns, payload, sender] : capture.datagrams) {
    const bool is_inside =
        payload.data() >= all.data() && payload.data() + payload.size() <= all.data() + all.size();
    if (!is_inside || time_ns < 0 || sender >= capture.senders) std::abort();
    sum += payload.size();
  }
  if (sum > size) std::abort();
  return 0;
}
