#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http.h"

namespace slipstream {

/// Splits a request's target into path and query, percent-decoded. False: a bad escape, or no path.
bool parse_target(std::string_view target, HttpRequest& request);

/// What is wrong with the request's query parameters, if one is none of these.
std::optional<std::string> unknown_parameter(const HttpRequest& request,
                                             const RouteParameters& parameters);

/// Finds the handler of a method and path. Filled before it is used.
class Router {
 public:
  void add(std::string method, std::string pattern, HttpHandler handler, RouteOptions options = {});

  struct Match {
    const HttpHandler* handler = nullptr;
    Scope scope = Scope::kOpen;
    bool hears_denials = false;
    ErrorShape error_shape = nullptr;  ///< of the path, whatever the method
    std::string_view token_parameter;  ///< likewise
    const RouteParameters* parameters = nullptr;
    std::string allowed;  ///< methods of the path, where the request's is not among them
  };
  /// Sets the request's path parameters. GET serves HEAD too.
  Match find(HttpRequest& request) const;
  /// In the order in which they were added.
  std::vector<RouteInfo> route_infos() const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> segments;  ///< one that begins with ':' takes anything
    HttpHandler handler;
    RouteOptions options;
  };
  std::vector<Route> routes_;
};

}  // namespace slipstream
