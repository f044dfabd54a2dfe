#include "app/session_edit.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "app/query_values.h"

namespace slipstream {
namespace {

constexpr std::size_t kMaxEditBytes = 4'096;

std::unexpected<HttpResponse> refused(unsigned status, std::string_view why) {
  return std::unexpected(error_response(status, why));
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

}  // namespace

std::expected<SessionEdit, HttpResponse> read_session_edit(const HttpRequest& request) {
  if (!request.header("Content-Encoding").empty()) {
    return refused(415, "the body is a small JSON object, without a Content-Encoding");
  }
  if (request.body.size() > kMaxEditBytes) {
    return refused(413, fmt::format("the body is over {} bytes", kMaxEditBytes));
  }
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(request.body).get(object) != simdjson::SUCCESS) {
    return refused(400, R"(the body is no JSON object: {"name":"..."} is expected)");
  }
  std::optional<std::string> name;
  std::optional<bool> pinned;
  for (const auto member : object) {
    if (member.key == "name") {
      std::string_view text;
      if (member.value.get(text) != simdjson::SUCCESS) return refused(400, "name must be a text");
      name = text;
    } else if (member.key == "pinned") {
      bool is_pinned = false;
      if (member.value.get(is_pinned) != simdjson::SUCCESS) {
        return refused(400, "pinned must be true or false");
      }
      pinned = is_pinned;
    } else {
      return refused(400, fmt::format("'{}' is not known: name and pinned are", member.key));
    }
  }
  if (!name && !pinned) {
    return refused(400,
                   R"(there is nothing to change: {"name":"..."} or {"pinned":true} is expected)");
  }
  if (name && name->size() > kMaxSessionNameBytes) {
    return refused(400, fmt::format("name is over {} bytes", kMaxSessionNameBytes));
  }
  if (name && std::ranges::any_of(*name, is_control)) {
    return refused(400, "name has control characters");
  }
  return SessionEdit{
      .id = std::string(request.path_parameter("id")), .name = std::move(name), .pinned = pinned};
}

}  // namespace slipstream
