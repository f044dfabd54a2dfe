#pragma once
#include <cstdint>
#include <cstdlib>

namespace slipstream::harness {

/// A number that whoever runs a long trial asks for; `otherwise` where nobody does.
inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

}  // namespace slipstream::harness
