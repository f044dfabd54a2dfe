#pragma once
#include <toml++/toml.h>

#include <functional>
#include <string>
#include <vector>

#include "ops/config.h"

namespace slipstream {

/// Reads [[security.tokens]]. No message repeats a token.
void read_tokens(const toml::node& node, std::vector<Config::Security::Token>& tokens,
                 const std::function<void(const toml::node& at, std::string message)>& fault);

/// What only the whole section tells.
void check_security(const Config::Security& security,
                    const std::function<void(std::string where, std::string message)>& fault);

}  // namespace slipstream
