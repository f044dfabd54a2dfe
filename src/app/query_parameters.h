#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "app/query_values.h"
#include "base/error.h"
#include "codec/event_time.h"
#include "net/http.h"

namespace slipstream {

/// A parameter of a query, and what it sets of a question. A route has them in a table, from which
/// the server's list of names is made, too.
template <typename Question>
struct QueryParameter {
  std::string_view name;
  Result<void> (*set)(Question& question, std::string_view name, std::string_view value);
};

template <auto kMember, typename Question>
Result<void> set_text(Question& question, std::string_view, std::string_view value) {
  question.*kMember = value;
  return {};
}

template <auto kMember, typename Question>
Result<void> set_time(Question& question, std::string_view name, std::string_view value) {
  const auto time = asked_time(value);
  if (!time) return fail(fmt::format("{}: {}", name, time.error().message));
  question.*kMember = *time;
  return {};
}

/// Whole numbers of the type of kMin.
template <auto kMember, auto kMin, decltype(kMin) kMax, typename Question>
Result<void> set_number(Question& question, std::string_view name, std::string_view value) {
  const auto number = to_number(name, value, kMin, kMax);
  if (!number) return std::unexpected(number.error());
  question.*kMember = *number;
  return {};
}

/// Of a list that is told in pages.
template <auto kMember, typename Question>
Result<void> set_limit(Question& question, std::string_view name, std::string_view value) {
  return set_number<kMember, std::size_t{1}, 1'000>(question, name, value);
}

/// Sets what the request names, in the order of the table.
template <typename Question, std::size_t kCount>
Result<void> set_parameters(const QueryParameter<Question> (&parameters)[kCount],
                            const HttpRequest& request, Question& question) {
  for (const auto& parameter : parameters) {
    const auto given = request.query_value(parameter.name);
    if (!given) continue;
    if (auto set = parameter.set(question, parameter.name, *given); !set) return set;
  }
  return {};
}

template <typename Question, std::size_t kCount>
std::vector<std::string_view> names_of(const QueryParameter<Question> (&parameters)[kCount]) {
  std::vector<std::string_view> names;
  for (const auto& parameter : parameters) names.push_back(parameter.name);
  return names;
}

}  // namespace slipstream
