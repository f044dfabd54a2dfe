#pragma once
#include <fmt/format.h>

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/tags.h"
#include "net/http.h"

namespace slipstream {

/// A whole number in a query, in its range; else why not, for who asked.
template <typename Integer>
Result<Integer> to_number(std::string_view name, std::string_view text, Integer min, Integer max) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < min || value > max) {
    return fail(fmt::format("{} must be a whole number from {} to {}", name, min, max));
  }
  return value;
}

/// Names with commas between them, in their order: at most so many, of so many bytes each.
Result<std::vector<std::string>> names_in(std::string_view parameter, std::string_view text,
                                          std::size_t most, std::size_t max_bytes);
inline constexpr std::string_view kFieldsParameter = "fields";
/// The fields that are asked for, each once; none: all.
Result<std::vector<std::string>> asked_fields(const HttpRequest& request);
/// Whether it asks for CSV rather than JSON.
bool wants_table(const HttpRequest& request);

inline constexpr std::string_view kTagParameters = "tag.*";

/// The answer where the store could not be read; 400 where the question was refused.
HttpResponse failed_read(const Error& error);
/// The answer where it could not be written.
HttpResponse failed_write(const Error& error);
/// An error that clients tell by its code, which its text begins with.
HttpResponse coded_error(unsigned status, std::string_view code, std::string_view message);

/// What the parameters `tag.NAME=value` ask for; several of one name are choices.
Result<TagFilter> tag_filter(const HttpRequest& request);

}  // namespace slipstream
