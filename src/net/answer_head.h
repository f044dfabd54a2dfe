#pragma once
#include <string>
#include <string_view>

#include "net/http.h"

namespace slipstream {

/// What the head of an answer says of its connection.
struct AnswerFraming {
  std::string_view server_name;
  bool is_tls = false;
  bool keep_alive = false;
  bool is_old = false;  ///< HTTP/1.0
};

/// Status line and headers, with those that every answer has for safety, up to and with the empty
/// line. Of a body in pieces: that it comes in chunks, and in HTTP/1.0 nothing, which needs
/// `keep_alive` to be false.
std::string answer_head(const HttpResponse& response, const AnswerFraming& framing);

}  // namespace slipstream
