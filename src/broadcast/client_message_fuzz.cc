#include <cstdlib>
#include <string>

#include "broadcast/client_message.h"

/// What is understood says the same when it is said again; what is not is answered with JSON.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipstream;
  static ClientMessageParser parser({.stored = {"sector", "second"}, .unstored = {"bucket"}});
  static simdjson::dom::parser checker;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto message = parser.parse(text);
  if (!message) {
    if (message.error().message.empty()) std::abort();
    if (checker.parse(error_text(message.error())).error() != simdjson::SUCCESS) std::abort();
    return 0;
  }
  if (const auto* subscribe = std::get_if<SubscribeCommand>(&message->command)) {
    std::string again = R"({"type":"subscribe",)";
    subscribe->subscription.append_json(again, parser.windows().stored);
    const Filter filter = subscribe->subscription.filter;
    const auto repeated = parser.parse(again += '}');
    if (!repeated) std::abort();
    if (std::get<SubscribeCommand>(repeated->command).subscription.filter != filter) std::abort();
  }
  if (const auto* publish = std::get_if<PublishCommand>(&message->command)) {
    // The points may be broken, each for itself; the message around them is whole.
    const auto at = static_cast<std::size_t>(publish->points.data() - text.data());
    if (!publish->points.starts_with('[')) std::abort();
    const auto around = std::string(text).replace(at, publish->points.size(), "[]");
    if (checker.parse(around).error() != simdjson::SUCCESS) std::abort();
  }
  return 0;
}
