#include "cli/point_sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "cli/http_sender.h"
#include "cli/redis_sender.h"
#include "cli/udp_points.h"
#include "cli/ws_sender.h"

namespace slipstream {
namespace {

constexpr std::string_view kDefaultWsPath = "/ws/realtime";

/// nullptr: nobody is to be asked.
Result<std::unique_ptr<UdpCheck>> begin_check(const ReplayTarget* check, const std::string& token,
                                              UdpCheck::Items items) {
  if (check == nullptr) return nullptr;
  auto asks =
      std::make_unique<UdpCheck>(BodySender::Server{check->host, check->port, token}, items);
  if (auto begun = asks->begin(); !begun) return fail("--check: " + begun.error().message);
  return asks;
}

}  // namespace

Result<ReplayTarget> ReplayTarget::parse(std::string_view url) {
  ReplayTarget target;
  if (RedisStreamUrl::is_one(url)) {
    auto redis = RedisStreamUrl::parse(url);
    if (!redis) return fail("--to: " + redis.error().message);
    target.scheme = Scheme::kRedis;
    target.text = fmt::format("{} at {}", redis->stream, redis->server.text());
    target.redis = std::move(*redis);
    return target;
  }
  std::string_view rest = url;
  if (rest.starts_with("udp://")) {
    rest.remove_prefix(6);
  } else if (rest.starts_with("http://")) {
    target.scheme = Scheme::kHttp;
    rest.remove_prefix(7);
  } else if (rest.starts_with("ws://")) {
    target.scheme = Scheme::kWs;
    rest.remove_prefix(5);
    const auto path = std::min(rest.find('/'), rest.size());
    target.path = rest.size() - path > 1 ? rest.substr(path) : kDefaultWsPath;
    rest = rest.substr(0, path);
  } else {
    return fail(
        fmt::format("--to {}: this version replays to udp://HOST:PORT, http://HOST:PORT, "
                    "ws://HOST:PORT and redis://HOST:PORT/STREAM",
                    url));
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const auto colon = rest.rfind(':');
  const auto digits = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), target.port);
  if (error != std::errc{} || end != digits.data() + digits.size() || target.port == 0) {
    return fail(fmt::format("--to {}: a port from 1 to 65535 is expected", url));
  }
  std::string_view host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty()) return fail(fmt::format("--to {}: a host is expected", url));
  target.host = host;
  target.text = url;
  return target;
}

Result<std::unique_ptr<PointSender>> open_sender(const ReplayTarget& target,
                                                 const std::string& token,
                                                 const Config::Redis& redis,
                                                 const ReplayTarget* check) {
  if (target.redis) return RedisSender::open(*target.redis, redis);
  if (target.scheme == ReplayTarget::Scheme::kHttp) {
    return std::make_unique<HttpSender>(BodySender::Server{target.host, target.port, token});
  }
  if (target.scheme == ReplayTarget::Scheme::kWs) {
    return std::make_unique<WsSender>(BodySender::Server{target.host, target.port, token},
                                      target.path);
  }
  auto socket = UdpSender::open(target.host, target.port);
  if (!socket) return std::unexpected(socket.error());
  auto sender = std::make_unique<UdpPoints>(std::move(*socket));
  auto asks = begin_check(check, token, UdpCheck::Items::kPoints);
  if (!asks) return std::unexpected(asks.error());
  sender->check_by(std::move(*asks));
  return sender;
}

Result<std::unique_ptr<UdpDatagrams>> open_datagrams(const ReplayTarget& target,
                                                     const std::string& token,
                                                     const ReplayTarget* check) {
  auto sender = UdpDatagrams::open(target.host, target.port);
  if (!sender) return sender;
  auto asks = begin_check(check, token, UdpCheck::Items::kDatagrams);
  if (!asks) return std::unexpected(asks.error());
  (*sender)->check_by(std::move(*asks));
  return sender;
}

}  // namespace slipstream
