#include "app/query_values.h"

#include "store/store_damage.h"

namespace slipstream {
namespace {

HttpResponse damaged_store(const Error& error) {
  return error_response(
      500, fmt::format("the store is damaged: {}: {}", error.message, kStoreDamageAdvice));
}

}  // namespace

HttpResponse failed_read(const Error& error) {
  switch (error.code) {
    case ErrorCode::kRefused:
      return error_response(400, error.message);
    case ErrorCode::kCorrupt:
      return damaged_store(error);
    default:
      return error_response(503, "the store cannot be read: " + error.message);
  }
}

HttpResponse failed_write(const Error& error) {
  if (error.code == ErrorCode::kCorrupt) return damaged_store(error);
  return error_response(503, "the store cannot be written, nothing is changed: " + error.message);
}

HttpResponse coded_error(unsigned status, std::string_view code, std::string_view message) {
  return error_response(status, fmt::format("{}: {}", code, message));
}

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
