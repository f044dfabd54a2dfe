#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/access.h"
#include "net/body_source.h"

namespace slipstream {

/// Of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

struct HttpRequest {
  std::string method;
  std::string path;  ///< decoded, without the query
  std::vector<std::pair<std::string, std::string>> path_parameters;
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;     ///< as sent; see body_encoding.h. Has kBodyPadding readable bytes behind it
  std::string address;  ///< the peer's, without its port
  Access access;
  Denial denied = Denial::kNone;  ///< only handlers that ask for it see others

  static constexpr std::size_t kBodyPadding = 64;

  /// Empty where there is none. Header names in any case.
  std::string_view header(std::string_view name) const;
  std::size_t header_count(std::string_view name) const;
  std::optional<std::string_view> query_value(std::string_view name) const;
  std::string_view path_parameter(std::string_view name) const;
};

struct HttpResponse {
  unsigned status = 200;
  std::string body = {};
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string error = {};  ///< of an error_response(): its message
  /// Gives the body in pieces, in place of `body`. Belongs to this response alone.
  std::shared_ptr<BodySource> source = {};
};

/// {"ok":false,"error":"..."} with the status. Where the route has an ErrorShape, that is given to
/// it before it is sent.
HttpResponse error_response(unsigned status, std::string_view message);
/// Gives an error's answer the body and the headers that a kind of client looks for, made of
/// `status` and `error`.
using ErrorShape = void (*)(HttpResponse& response);

/// To be called once, from any thread; a handler that drops it answers 500.
using HttpResponder = std::function<void(HttpResponse)>;
/// Runs on the I/O thread and must not block; it may answer later, from elsewhere.
using HttpHandler = std::function<void(HttpRequest, HttpResponder)>;

/// The query parameters of a route. Others are refused, by the nearest name, since who mistypes one
/// is answered as if it were not there.
struct RouteParameters {
  std::vector<std::string_view> names = {};  ///< one that ends in '*' is whatever begins like it
  bool passes_over_others = false;           ///< for clients and pages that have theirs
};

/// What is answered at a path, for a list of all there is.
struct RouteInfo {
  std::string method = {};
  std::string path = {};  ///< segments may be `{NAME}`
  Scope scope = Scope::kAdmin;
  std::vector<std::string_view> parameters = {};
  bool is_websocket = false;
};

/// Who may call a handler, and with which parameters. Whatever says nothing is for admins, without
/// any.
struct RouteOptions {
  Scope scope = Scope::kAdmin;
  bool hears_denials = false;        ///< called, without a body, for requests that are denied, too
  ErrorShape error_shape = nullptr;  ///< of error responses to any request for the path
  /// The query parameter that may show a token; empty: none, since addresses end up in logs.
  std::string_view token_parameter = {};
  RouteParameters parameters = {};
};

}  // namespace slipstream
