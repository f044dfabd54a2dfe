#include "app/object_pages.h"

#include <fmt/format.h>

#include "base/json_text.h"

namespace slipstream {

std::string list_json(std::string_view name, const std::vector<std::string>& objects) {
  std::string body = fmt::format("{{\"{}\":[", name);
  for (const auto& object : objects) {
    if (&object != objects.data()) body += ',';
    body += object;
  }
  return body + ']';
}

HttpResponse page_json(std::string_view name, const std::vector<std::string>& objects,
                       const std::optional<std::string>& next) {
  std::string body = list_json(name, objects) + R"(,"next":)";
  if (next) {
    append_json_string(body, *next);
  } else {
    body += "null";
  }
  return {.body = body + '}'};
}

HttpResponse page_csv(std::string_view any, const std::vector<std::string>& objects, CsvTexts texts,
                      const std::optional<std::string>& next) {
  RollupsCsv table(texts);
  table.learn(any);
  for (const auto& object : objects) table.learn(object);
  HttpResponse response{.content_type = "text/csv"};
  table.append_header(response.body);
  for (const auto& object : objects) table.append_row(response.body, object);
  if (next) response.headers.emplace_back("X-Next-Cursor", *next);
  return response;
}

}  // namespace slipstream
