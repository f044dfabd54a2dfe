#pragma once
#include <filesystem>

namespace slipstream::harness {

/// PEM files made for one test: an authority, a certificate of its for localhost and 127.0.0.1 with
/// the key, and another authority that has signed nothing.
struct Certificates {
  std::filesystem::path ca;
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::filesystem::path other_ca;
};
Certificates make_certificates(const std::filesystem::path& directory);

}  // namespace slipstream::harness
