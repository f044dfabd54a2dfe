#include "app/query_values.h"

#include <algorithm>

#include "broadcast/client_message.h"
#include "model/schema.h"
#include "net/accept.h"
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

Result<std::vector<std::string>> names_in(std::string_view parameter, std::string_view text,
                                          std::size_t most, std::size_t max_bytes) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view name = text.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty() || name.size() > max_bytes) {
      return fail(fmt::format("{}: names of 1 to {} bytes with commas between them are expected",
                              parameter, max_bytes));
    }
    names.emplace_back(name);
    if (names.size() > most) {
      return fail(fmt::format("{}: at most {} can be asked for", parameter, most));
    }
  }
  return names;
}

Result<std::vector<std::string>> asked_fields(const HttpRequest& request) {
  const auto text = request.query_value(kFieldsParameter);
  if (!text) return std::vector<std::string>();
  auto names = names_in(kFieldsParameter, *text, ClientMessageParser::kMaxFields,
                        Schema::kMaxFieldNameBytes);
  if (!names) return names;
  std::vector<std::string> each_once;
  for (std::string& name : *names) {
    if (std::ranges::find(each_once, name) == each_once.end()) each_once.push_back(std::move(name));
  }
  return each_once;
}

bool wants_table(const HttpRequest& request) {
  static constexpr std::string_view kTypes[] = {"application/json", "text/csv"};
  return accepted_type(request.headers, kTypes) == 1;
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
