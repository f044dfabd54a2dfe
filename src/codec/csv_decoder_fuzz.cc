#include "codec/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipstream;
  codec_fuzzing::Harness().run(data, size,
                               [](PointDecoder& d, auto text, auto& origin, auto& sink) {
                                 return d.csv().decode(text, origin, sink);
                               });
  return 0;
}
