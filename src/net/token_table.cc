#include "net/token_table.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <charconv>

#include "net/http.h"
#include "net/http_syntax.h"

namespace slipstream {
namespace {

/// Of base64 with its padding; empty where it is none.
std::string from_base64(std::string_view text) {
  std::string out(text.size() / 4 * 3, '\0');
  if (text.size() % 4 != 0 || text.size() > kMaxHeadBytes) return {};
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return {};
  const auto decoded = static_cast<std::size_t>(size);
  const auto padding = static_cast<std::size_t>(std::ranges::count(text, '='));
  out.resize(decoded - std::min(padding, decoded));
  return out;
}

/// Of `user:password` in base64.
std::string password_of(std::string_view credentials) {
  const std::string text = from_base64(credentials);
  const auto colon = text.find(':');
  return colon == std::string::npos ? std::string() : text.substr(colon + 1);
}

}  // namespace

TokenDigest digest_of_token(std::string_view token) {
  TokenDigest digest;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return digest;
}

std::optional<TokenDigest> parse_token_digest(std::string_view hex) {
  TokenDigest digest;
  if (hex.size() != digest.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const char* begin = hex.data() + 2 * i;
    const auto [end, error] = std::from_chars(begin, begin + 2, digest[i], 16);
    if (error != std::errc{} || end != begin + 2) return std::nullopt;
  }
  return digest;
}

void TokenTable::add(Entry entry) {
  everybody_.admin = false;
  everybody_.write = false;
  everybody_.read = everybody_.read && !entry.read && !entry.admin;
  entries_.push_back(std::move(entry));
}

Access TokenTable::access_of(std::string_view token) const {
  if (entries_.empty() || token.empty()) return everybody_;
  const TokenDigest digest = digest_of_token(token);
  const Entry* found = nullptr;
  for (const auto& entry : entries_) {
    if (CRYPTO_memcmp(digest.data(), entry.digest.data(), digest.size()) == 0) found = &entry;
  }
  if (found == nullptr) return everybody_;
  return {.read = found->read || everybody_.read,
          .write = found->write,
          .admin = found->admin,
          .token = found->name};
}

std::string token_of_authorization(std::string_view value) {
  const auto blank = value.find(' ');
  if (blank == std::string_view::npos) return {};
  const auto scheme = value.substr(0, blank);
  const auto begin = value.find_first_not_of(' ', blank);
  if (begin == std::string_view::npos) return {};
  const auto shown = value.substr(begin);
  if (equal_ignoring_case(scheme, "bearer") || equal_ignoring_case(scheme, "token")) {
    return std::string(shown);
  }
  return equal_ignoring_case(scheme, "basic") ? password_of(shown) : std::string();
}

}  // namespace slipstream
