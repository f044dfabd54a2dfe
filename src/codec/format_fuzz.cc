#include <cstring>
#include <memory>

#include "codec/format_decoder.h"
#include "codec/format_testing.h"
#include "codec/fuzzing.h"

/// The input is a format and a datagram; the format may have faults, and then is left alone.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipstream;
  format_testing::FormatMaker maker({data, size});
  const auto format = maker.make();
  static_cast<void>(game::parse_template(format.track, format));
  if (!game::check_format(format, SchemaOptions{}).empty()) return 0;
  const auto formats = std::make_shared<const PackedFormats>(1, format);
  const auto bytes = maker.rest();
  // As long as it says, and as it came.
  for (const std::size_t length : {bytes.size(), format.size}) {
    std::string datagram(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    datagram.resize(length);
    codec_fuzzing::Harness().run(
        datagram, [&](PointDecoder& d, std::string_view text, auto& origin, auto& sink) {
          // In a block of its own, so that whatever is read behind it is seen.
          const auto block = std::make_unique<char[]>(text.size());
          std::memcpy(block.get(), text.data(), text.size());
          FormatDecoder decoder(d.filler(), formats);
          return decoder.decode({block.get(), text.size()}, origin, sink);
        });
  }
  return 0;
}
