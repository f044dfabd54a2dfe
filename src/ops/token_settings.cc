#include "ops/token_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace slipstream {
namespace {

using Token = Config::Security::Token;
constexpr std::size_t kDigestCharacters = 64;

bool is_digest(const std::string& text) {
  return text.size() == kDigestCharacters &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

bool read_scopes(const toml::node& node, Token& token) {
  const auto* scopes = node.as_array();
  if (scopes == nullptr || scopes->empty()) return false;
  return std::ranges::all_of(*scopes, [&](const toml::node& item) {
    const auto scope = item.value<std::string>().value_or("");
    token.read = token.read || scope == "read";
    token.write = token.write || scope == "write";
    token.admin = token.admin || scope == "admin";
    return scope == "read" || scope == "write" || scope == "admin";
  });
}

}  // namespace

void read_tokens(const toml::node& node, std::vector<Token>& tokens,
                 const std::function<void(const toml::node&, std::string)>& fault) {
  const auto* array = node.as_array();
  if (array == nullptr || !array->is_array_of_tables()) {
    if (array == nullptr || !array->empty()) {
      fault(node, "tokens are tables in an array: [[security.tokens]]");
    }
    return;
  }
  for (const auto& item : *array) {
    Token token;
    bool has_scopes = false;
    for (const auto& [k, value] : *item.as_table()) {
      const std::string_view key = k.str();
      const auto text = value.value<std::string>();
      if (key == "scopes") {
        has_scopes = read_scopes(value, token);
        if (!has_scopes) {
          fault(value, "[[security.tokens]] scopes: a list of read, write and admin is expected");
          has_scopes = true;
        }
      } else if (key != "name" && key != "token" && key != "token_sha256") {
        fault(value, fmt::format("[[security.tokens]]: '{}' is no setting: name, token, "
                                 "token_sha256 and scopes are",
                                 key));
      } else if (!text || text->empty()) {
        fault(value, fmt::format("[[security.tokens]] {}: a string is expected", key));
      } else if (key == "token_sha256" && !is_digest(*text)) {
        fault(value, "[[security.tokens]] token_sha256: 64 hex digits are expected");
      } else {
        (key == "name" ? token.name : key == "token" ? token.token : token.sha256) = *text;
      }
    }
    if (token.name.empty()) fault(item, "[[security.tokens]]: a name is missing");
    if (token.token.empty() == token.sha256.empty()) {
      fault(item, "[[security.tokens]]: either token or token_sha256 is expected");
    }
    if (!has_scopes) fault(item, "[[security.tokens]]: scopes are missing");
    tokens.push_back(std::move(token));
  }
}

void check_security(const Config::Security& security,
                    const std::function<void(std::string, std::string)>& fault) {
  if (security.tls_certificate.empty() != security.tls_key.empty()) {
    fault("[security] tls_certificate, tls_key", "one needs the other");
  }
  const auto tokens = all_tokens(security);
  if (security.protect_metrics && std::ranges::none_of(tokens, &Token::admin)) {
    fault("[security] protect_metrics", "there is no token with the scope admin");
  }
  std::set<std::string> names;
  for (const auto& token : tokens) {
    if (!names.insert(token.name).second) {
      fault("[[security.tokens]]", fmt::format("'{}' is there twice", token.name));
    }
  }
}

std::vector<Token> all_tokens(const Config::Security& security) {
  std::vector<Token> tokens = security.tokens;
  const auto add = [&](const char* name, const std::string& token) -> Token& {
    return tokens.emplace_back(Token{.name = name, .token = token, .sha256 = {}});
  };
  if (!security.read_token.empty()) add("API_TOKEN_READ", security.read_token).read = true;
  if (!security.write_token.empty()) add("API_TOKEN_WRITE", security.write_token).write = true;
  if (!security.admin_token.empty()) add("API_TOKEN_ADMIN", security.admin_token).admin = true;
  return tokens;
}

}  // namespace slipstream
