#include <cstdlib>
#include <string>
#include <vector>

#include "net/ws_frame.h"

namespace {

using slipstream::WsFrameParser;

constexpr std::size_t kLimit = 4'096;

std::vector<std::string> parse(std::string_view bytes, bool deflate, std::size_t piece) {
  std::vector<std::string> found;
  WsFrameParser parser({.max_message_bytes = kLimit, .deflate = deflate});
  while (!bytes.empty()) {
    const std::string part(bytes.substr(0, piece));  // of its own, to see reads beyond it
    bytes.remove_prefix(part.size());
    parser.feed(part);
    while (true) {
      const auto next = parser.next();
      if (!next) {
        found.push_back("fault " + std::to_string(next.error().code));
        return found;
      }
      if (!*next) break;
      if ((*next)->payload.size() > kLimit) std::abort();
      found.push_back(std::to_string(static_cast<int>((*next)->opcode)) + " " +
                      std::to_string((*next)->code) + " " + (*next)->payload);
    }
  }
  return found;
}

}  // namespace

/// The first byte says how the rest is cut; what is found does not depend on that.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const bool deflate : {false, true}) {
    const auto whole = parse(bytes, deflate, size);
    if (parse(bytes, deflate, std::size_t{data[0]} + 1) != whole) std::abort();
  }
  return 0;
}
