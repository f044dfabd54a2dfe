#include "net/router.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_name.h"
#include "base/percent_text.h"

namespace slipstream {
namespace {

constexpr std::size_t kShownNameBytes = 60;

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const auto slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash);
  }
  return segments;
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
             HttpRequest& request) {
  if (pattern.size() != path.size()) return false;
  request.path_parameters.clear();
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i].starts_with(':')) {
      request.path_parameters.emplace_back(pattern[i].substr(1), path[i]);
    } else if (pattern[i] != path[i]) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool parse_target(std::string_view target, HttpRequest& request) {
  if (!target.starts_with('/')) return false;
  const auto question = target.find('?');
  if (!percent_decode(target.substr(0, question), PlusSign::kItself, request.path)) return false;
  if (question == std::string_view::npos) return true;
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    std::string name;
    std::string value;
    if (!percent_decode(pair.substr(0, equals), PlusSign::kBlank, name)) return false;
    if (equals != std::string_view::npos &&
        !percent_decode(pair.substr(equals + 1), PlusSign::kBlank, value)) {
      return false;
    }
    if (!pair.empty()) request.query.emplace_back(std::move(name), std::move(value));
  }
  return true;
}

std::optional<std::string> unknown_parameter(const HttpRequest& request,
                                             const RouteParameters& parameters) {
  if (parameters.passes_over_others) return std::nullopt;
  for (const auto& [name, value] : request.query) {
    const auto is_it = [&name](std::string_view known) {
      return known.ends_with('*') ? name.size() >= known.size() &&
                                        name.starts_with(known.substr(0, known.size() - 1))
                                  : name == known;
    };
    if (std::ranges::any_of(parameters.names, is_it)) continue;
    const auto shown = name.substr(0, kShownNameBytes);
    if (const auto nearest = nearest_name(shown, parameters.names)) {
      return fmt::format("there is no parameter '{}'; is '{}' meant?", shown, *nearest);
    }
    if (parameters.names.empty()) {
      return fmt::format("there is no parameter '{}': this path has none", shown);
    }
    return fmt::format("there is no parameter '{}': there are {}", shown,
                       fmt::join(parameters.names, ", "));
  }
  return std::nullopt;
}

void Router::add(std::string method, std::string pattern, HttpHandler handler,
                 RouteOptions options) {
  routes_.push_back(
      {std::move(method), split_path(pattern), std::move(handler), std::move(options)});
}

Router::Match Router::find(HttpRequest& request) const {
  Match match;
  const auto path = split_path(request.path);
  const std::string_view method =
      request.method == "HEAD" ? "GET" : std::string_view(request.method);
  for (const auto& route : routes_) {
    if (!matches(route.segments, path, request)) continue;
    match.error_shape = route.options.error_shape;
    match.token_parameter = route.options.token_parameter;
    if (route.method == method) {
      match.handler = &route.handler;
      match.scope = route.options.scope;
      match.hears_denials = route.options.hears_denials;
      match.parameters = &route.options.parameters;
      return match;
    }
    match.allowed += (match.allowed.empty() ? "" : ", ") + route.method;
    if (route.method == "GET") match.allowed += ", HEAD";
  }
  return match;
}

std::vector<RouteInfo> Router::route_infos() const {
  std::vector<RouteInfo> infos;
  for (const auto& route : routes_) {
    RouteInfo info{.method = route.method,
                   .scope = route.options.scope,
                   .parameters = route.options.parameters.names};
    for (const auto& segment : route.segments) {
      const bool is_any = segment.starts_with(':');
      info.path += '/' + (is_any ? '{' + segment.substr(1) + '}' : segment);
    }
    if (info.path.empty()) info.path = "/";
    infos.push_back(std::move(info));
  }
  return infos;
}

}  // namespace slipstream
