#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/access.h"

namespace slipstream {

using TokenDigest = std::array<unsigned char, 32>;
TokenDigest digest_of_token(std::string_view token);  ///< SHA-256
/// From 64 hex digits.
std::optional<TokenDigest> parse_token_digest(std::string_view hex);

/// Who may do what. Without a token everybody may do everything. With one, writing and whatever
/// asks for admin need a token; reading needs one as soon as some token grants it, so that a server
/// with tokens for its senders alone goes on showing its pages to all. Admin grants everything.
/// Keeps digests only. Immutable once it is in use.
class TokenTable {
 public:
  struct Entry {
    std::string name;
    TokenDigest digest;
    bool read = false;
    bool write = false;
    bool admin = false;
  };
  void add(Entry entry);
  bool empty() const { return entries_.empty(); }

  /// `token` is empty where none was shown. An unknown one gives what everybody has. Takes the same
  /// time for every token, so that the time tells nothing.
  Access access_of(std::string_view token) const;
  const Access& everybody() const { return everybody_; }

 private:
  std::vector<Entry> entries_;
  Access everybody_;
};

/// The token of an Authorization header: `Bearer TOKEN`, `Token TOKEN` as InfluxDB's clients say
/// it, or the password of `Basic`, whoever the user is. Empty where there is none.
std::string token_of_authorization(std::string_view value);

}  // namespace slipstream
