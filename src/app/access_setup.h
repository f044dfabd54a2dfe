#pragma once
#include <string>
#include <vector>

#include "app/connection_budget.h"
#include "net/http_server.h"
#include "ops/config.h"

namespace slipstream {

/// The server's door as configured: who may connect, from where, how often, with which token.

/// Whether only this machine reaches an address to listen at; an empty one is all of them.
bool is_loopback(const std::string& listen);
/// Everything that is wrong with it: tokens, origins, networks, certificate files.
std::vector<ConfigFault> check_access_settings(const Config& config);
/// Of a configuration without faults; the first one otherwise.
Result<HttpServerOptions> http_server_options(const Config& config);
/// Says in the log who may do what, and warns where that is more than meant: an address that others
/// can reach while no token guards it, tokens that can be guessed, a certificate that is ending.
void report_access(const Config& config, const HttpServerOptions& options);
/// Warns where fewer connections than configured may be open.
void report_budget(const Config& config, const ConnectionBudget& budget);

}  // namespace slipstream
