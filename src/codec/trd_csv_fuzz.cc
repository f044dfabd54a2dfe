#include "codec/fuzzing.h"
#include "codec/trd_csv.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipstream;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  looks_like_trd(text);
  codec_fuzzing::Harness sink;
  for (const auto& point : pivot_trd(text, "", sink)) {
    const auto* json = reinterpret_cast<const std::uint8_t*>(point.json.data());
    codec_fuzzing::Harness().run(json, point.json.size(),
                                 [](PointDecoder& d, auto t, auto& origin, auto& refused) {
                                   return d.json().decode(t, origin, refused);
                                 });
  }
  return 0;
}
