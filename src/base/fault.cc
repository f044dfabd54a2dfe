#include "base/fault.h"

#ifdef SLIPSTREAM_FAULTS
#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

namespace slipstream::fault {
namespace {

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Hook from_environment() {
  const char* const given = std::getenv("SLIPSTREAM_FAULT");
  if (given == nullptr) return nullptr;
  const std::string text(given);
  const auto colon = text.find(':');
  if (colon == std::string::npos) return nullptr;
  std::uint64_t times = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t harmless = 0;
  const auto star = text.rfind('*');
  if (star != std::string::npos) {
    times = number(text.substr(star + 1));
    const auto plus = text.find('+', star);
    if (plus != std::string::npos) harmless = number(text.substr(plus + 1));
  }
  const auto needle = text.substr(colon + 1, star == std::string::npos ? star : star - colon - 1);
  const auto met = std::make_shared<std::atomic<std::uint64_t>>(0);
  return [=, at = text.substr(0, colon)](std::string_view point, std::string_view detail) {
    if (point != at || detail.find(needle) == std::string_view::npos) return;
    const std::uint64_t before = met->fetch_add(1);
    if (before >= harmless && before - harmless < times) {
      throw std::runtime_error("injected fault at " + at);
    }
  };
}

}  // namespace

Hook& hook() {
  static Hook the_hook = from_environment();
  return the_hook;
}

std::optional<Error> error_at(std::string_view point, std::string_view detail) {
  try {
    if (hook()) hook()(point, detail);
  } catch (const std::exception& error) {
    return Error{error.what()};
  }
  return std::nullopt;
}

}  // namespace slipstream::fault
#endif
