#include "codec/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipstream;
  const auto decode = [](PointDecoder& d, auto text, auto& origin, auto& sink) {
    return d.json().decode(text, origin, sink);
  };
  codec_fuzzing::Harness().run(data, size,
                               [](PointDecoder& d, auto text, auto& origin, auto& sink) {
                                 return d.json().decode_lines(text, origin, sink);
                               });

  // With a space behind its first brace an object is not plain: both ways must take it for the
  // same.
  codec_fuzzing::Harness harness;
  std::string text(reinterpret_cast<const char*>(data), size);
  const auto first = harness.run(text, decode);
  if (text.starts_with('{')) {
    const auto full = harness.run("{ " + text.substr(1), decode);
    if (harness.run(text, decode) != full || first != full) std::abort();
  } else if (harness.run(text, decode) != first) {
    std::abort();
  }
  return 0;
}
