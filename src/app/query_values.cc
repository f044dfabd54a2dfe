#include "app/query_values.h"

namespace slipstream {

Result<TagFilter> tag_filter(const HttpRequest& request) {
  TagFilter filter;
  for (const auto& [name, value] : request.query) {
    if (!name.starts_with(tags::kPrefix)) continue;
    const auto tag = std::string_view(name).substr(tags::kPrefix.size());
    if (value.empty()) return fail(fmt::format("{}: a tag has a value", name));
    filter.add(tag, value);
  }
  if (filter.values() > tags::kMaxTags) {
    return fail(fmt::format("at most {} tags can be asked for", tags::kMaxTags));
  }
  return filter;
}

}  // namespace slipstream
