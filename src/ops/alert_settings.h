#pragma once
#include <toml++/toml.h>

#include <functional>
#include <string>
#include <vector>

#include "ops/config.h"
#include "ops/udp_settings.h"

namespace slipstream {

/// Reads [derived], in the order of its lines. Expressions are looked at by check_alerts(), once
/// the names of the schema are known.
void read_derived(const toml::node& node, std::vector<DerivedField>& derived, const FaultAt& fault,
                  const NoteAt& note);
/// Reads the tables [[alert]], likewise.
void read_alerts(const toml::node& node, std::vector<AlertRule>& alerts, const FaultAt& fault,
                 const NoteAt& note);
/// Reads the tables [[webhook]]. No message repeats a secret.
void read_webhooks(const toml::node& node, std::vector<WebhookSettings>& webhooks,
                   const FaultAt& fault, const NoteAt& note);

/// What only the whole configuration tells of all three.
void check_alerts(const Config& config,
                  const std::function<void(std::string where, std::string message)>& fault);

}  // namespace slipstream
