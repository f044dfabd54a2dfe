#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/request_body.h"
#include "net/request_head.h"

namespace slipstream::net_testing {

inline constexpr std::size_t kMaxTestBody = 4'096;

/// What a connection makes of bytes that come in pieces of these sizes: each request with its body,
/// then what is wrong.
inline std::string read_requests(std::string_view bytes,
                                 const std::function<std::size_t()>& piece) {
  std::string found;
  std::string unread;
  auto head = std::make_unique<RequestHeadParser>();
  std::unique_ptr<RequestBodyReader> body;
  while (!bytes.empty()) {
    const auto size = std::min(piece(), bytes.size());
    unread += bytes.substr(0, size);
    bytes.remove_prefix(size);
    while (true) {
      if (body) {
        const auto taken = body->take(unread);
        if (!taken) return found + std::to_string(taken.error().status) + taken.error().message;
        unread.erase(0, *taken);
        if (!body->is_done()) break;
        found += "<" + body->body() + ">";
        body = nullptr;
        head = std::make_unique<RequestHeadParser>();
      }
      const auto complete = head->parse(unread);
      if (!complete) return found + std::to_string(complete.error().status);
      if (!*complete) break;
      unread.erase(0, head->size());
      found += head->head().request.method + " " + head->head().request.path;
      body = std::make_unique<RequestBodyReader>(head->head().framing, kMaxTestBody);
    }
  }
  return found;
}

}  // namespace slipstream::net_testing
