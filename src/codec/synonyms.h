#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "codec/members.h"
#include "model/schema.h"

namespace slipstream {

/// What a name that is not the configured one commonly stands for.
struct Synonym {
  MemberRole role = MemberRole::kOther;
  FieldId field = 0;     ///< a well-known one, of MemberRole::kField
  std::size_t rank = 0;  ///< of two names for one thing the lower one is it
};

/// A name as names are compared where people wrote them: small letters and digits, whatever stands
/// between them as one `_` ("Lap Distance [m]" is "lap_distance_m").
std::string plain_name(std::string_view name);

/// What a plain name commonly stands for in tables of telemetry. The list stands in synonyms.cc.
std::optional<Synonym> common_synonym(std::string_view plain);
/// Calls with each name that stands for time, track or chassis in JSON too, spelled exactly so.
void for_each_json_synonym(const std::function<void(std::string_view, const Synonym&)>& call);
/// The usual names for that role, the first few of them: "car, vehicle, driver".
std::string synonyms_of(MemberRole role);
/// For docs/points.md.
std::string synonyms_markdown(const SchemaOptions& names);

/// The configured name of what a synonym stands for.
const std::string& name_of(const SchemaOptions& names, const Synonym& synonym);

}  // namespace slipstream
