#pragma once
#include <cstdint>
#include <cstdlib>

namespace slipstream {

/// How many random cases a test tries: what the environment asks for, else a few.
inline std::uint64_t trials(const char* name, std::uint64_t few) {
  const char* const asked = std::getenv(name);
  return asked == nullptr ? few : std::strtoull(asked, nullptr, 10);
}

}  // namespace slipstream
