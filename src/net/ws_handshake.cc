#include "net/ws_handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "net/http_syntax.h"

namespace slipstream {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::string_view kDeflate = "permessage-deflate";
constexpr std::size_t kKeyBytes = 24;  // 16 bytes in base64

/// The parts between separators, trimmed. A separator within quotes is one all the same: nothing
/// that is understood here has one there.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.push_back(trim_ows(text.substr(0, at)));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool has_token(const HttpRequest& head, std::string_view name, std::string_view token) {
  return std::ranges::any_of(list_members(head.headers, name),
                             [&](auto value) { return equal_ignoring_case(value, token); });
}

bool offers(const HttpRequest& head, std::string_view subprotocol) {
  const auto offered = list_members(head.headers, "Sec-WebSocket-Protocol");
  return std::ranges::find(offered, subprotocol) != offered.end();
}

bool is_key(std::string_view key) {
  if (key.size() != kKeyBytes || !key.ends_with("==")) return false;
  return std::ranges::all_of(key.substr(0, kKeyBytes - 2), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
           c == '/';
  });
}

/// Whether one offer of permessage-deflate can be taken as it is.
bool is_acceptable(std::string_view offer) {
  const auto parts = split(offer, ';');
  if (!equal_ignoring_case(parts.front(), kDeflate)) return false;
  std::vector<std::string_view> seen;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto equals = parts[i].find('=');
    const auto name = trim_ows(parts[i].substr(0, equals));
    std::optional<std::string_view> value;
    if (equals != std::string_view::npos) value = trim_ows(parts[i].substr(equals + 1));
    if (value && value->size() >= 2 && value->front() == '"' && value->back() == '"') {
      value = value->substr(1, value->size() - 2);
    }
    if (std::ranges::find(seen, name) != seen.end()) return false;
    seen.push_back(name);
    if (name == "server_no_context_takeover" || name == "client_no_context_takeover") {
      if (value) return false;
    } else if (name == "client_max_window_bits") {
      static constexpr std::array<std::string_view, 8> kBits = {"8",  "9",  "10", "11",
                                                                "12", "13", "14", "15"};
      if (value && std::ranges::find(kBits, *value) == kBits.end()) return false;
    } else if (name == "server_max_window_bits") {
      if (value != "15") return false;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string accept_key(std::string_view key) {
  const std::string text = std::string(key) + std::string(kGuid);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::array<unsigned char, 29> encoded{};
  EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(digest.size()));
  return reinterpret_cast<const char*>(encoded.data());
}

bool wants_websocket(const HttpRequest& head) {
  return has_token(head, "Upgrade", "websocket");
}

HttpResponse upgrade_required(std::string_view why) {
  auto response = error_response(426, why);
  response.headers = {
      {"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Version", "13"}};
  return response;
}

std::expected<WsHandshake, HttpResponse> answer_handshake(const HttpRequest& head,
                                                          std::string_view server_name,
                                                          bool offer_deflate,
                                                          std::string_view subprotocol) {
  if (head.method != "GET") {
    return std::unexpected(error_response(400, "a WebSocket is opened by GET"));
  }
  if (!has_token(head, "Connection", "Upgrade")) {
    return std::unexpected(error_response(400, "Connection: Upgrade is missing"));
  }
  if (head.header("Sec-WebSocket-Version") != "13") {
    return std::unexpected(upgrade_required("Sec-WebSocket-Version: 13 is what is spoken here"));
  }
  const auto key = trim_ows(head.header("Sec-WebSocket-Key"));
  if (!is_key(key)) {
    return std::unexpected(error_response(400, "Sec-WebSocket-Key is not 16 bytes in base64"));
  }
  if (!subprotocol.empty() && !offers(head, subprotocol)) {
    return std::unexpected(error_response(
        400, "Sec-WebSocket-Protocol: " + std::string(subprotocol) + " is what is spoken here"));
  }
  WsHandshake handshake;
  handshake.deflate =
      offer_deflate &&
      std::ranges::any_of(list_members(head.headers, "Sec-WebSocket-Extensions"), is_acceptable);
  handshake.answer =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      accept_key(key) + "\r\nServer: " + std::string(server_name) + "\r\n";
  if (handshake.deflate) {
    handshake.answer +=
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
        "client_no_context_takeover\r\n";
  }
  if (!subprotocol.empty()) {
    handshake.answer += "Sec-WebSocket-Protocol: " + std::string(subprotocol) + "\r\n";
  }
  handshake.answer += "\r\n";
  return handshake;
}

}  // namespace slipstream
