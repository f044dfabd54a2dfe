#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/body_sender.h"

namespace slipstream {

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
  std::string retry_after;  ///< empty: it does not say
};

/// Asks a server, one request behind the other, over a connection that is made for the first one
/// and again where it was lost. Shows the server's token. One thread.
class HttpExchange {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  explicit HttpExchange(BodySender::Server server);
  ~HttpExchange();

  /// Errors: nobody answers within 30 s.
  Result<HttpAnswer> ask(std::string_view method, std::string_view target,
                         const Headers& headers = {}, std::string_view body = {});
  bool has_connected() const { return has_connected_; }

 private:
  struct Connection;

  const BodySender::Server server_;
  std::unique_ptr<Connection> connection_;
  bool has_connected_ = false;
};

}  // namespace slipstream
