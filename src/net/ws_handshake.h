#pragma once
#include <expected>
#include <string>
#include <string_view>

#include "net/http.h"

namespace slipstream {

/// Whether the request asks to go on as a WebSocket, rightly or wrongly.
bool wants_websocket(const HttpRequest& head);

struct WsHandshake {
  std::string answer;    ///< the whole 101, to be sent as it is
  bool deflate = false;  ///< permessage-deflate was agreed on
};

/// The answer to an opening handshake (RFC 6455 4.2), or what to say to one that is wrong: 400, or
/// 426 where the version is another. permessage-deflate is agreed on without context takeover on
/// either side; an offer that insists on a smaller window is passed over, since messages are
/// deflated once for all clients. `subprotocol`: which the client has to offer; empty: none is
/// agreed on.
std::expected<WsHandshake, HttpResponse> answer_handshake(const HttpRequest& head,
                                                          std::string_view server_name,
                                                          bool offer_deflate,
                                                          std::string_view subprotocol = {});

/// 426: this path is for WebSockets.
HttpResponse upgrade_required(std::string_view why);

/// Sec-WebSocket-Accept for a key.
std::string accept_key(std::string_view key);

}  // namespace slipstream
