#include "cli/redis_stream.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipstream {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

struct Split {
  std::string server;  ///< a URL without the stream
  std::string stream;
};

Split split_path(std::string_view url) {
  const auto slash = url.find('/', url.find("://") + 3);
  if (slash == std::string_view::npos) return {std::string(url), {}};
  const std::string_view authority = url.substr(0, slash);
  const std::string_view path = url.substr(slash + 1);
  const auto end = path.find('/');
  const std::string_view first = path.substr(0, end);
  if (!is_number(first)) return {std::string(authority), std::string(path)};
  return {fmt::format("{}/{}", authority, first),
          std::string(end == std::string_view::npos ? "" : path.substr(end + 1))};
}

Split split_query(std::string_view url) {
  constexpr std::string_view kName = "stream=";
  const auto mark = url.find('?');
  Split split{std::string(url.substr(0, mark)), {}};
  std::string_view query = mark == std::string_view::npos ? "" : url.substr(mark + 1);
  char before = '?';
  while (!query.empty()) {
    const auto parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(parameter.size() + 1, query.size()));
    if (parameter.starts_with(kName)) {
      split.stream = parameter.substr(kName.size());
    } else {
      split.server += before;
      split.server += parameter;
      before = '&';
    }
  }
  return split;
}

}  // namespace

bool RedisStreamUrl::is_one(std::string_view text) {
  return text.starts_with("redis://") || text.starts_with("rediss://") ||
         text.starts_with("unix://");
}

Result<RedisStreamUrl> RedisStreamUrl::parse(std::string_view url) {
  Split split = url.starts_with("unix://") ? split_query(url) : split_path(url);
  auto server = parse_redis_url(split.server);
  if (!server) return std::unexpected(server.error());
  if (split.stream.empty()) {
    return fail(
        fmt::format("{} names no stream: redis://HOST:PORT/STREAM, "
                    "redis://HOST:PORT/DB/STREAM or unix:///PATH?stream=STREAM is expected",
                    server->text()));
  }
  return RedisStreamUrl{std::move(*server), std::move(split.stream)};
}

std::unique_ptr<RedisServers> open_redis(const RedisAddress& server, const Config::Redis& redis) {
  return std::make_unique<RedisServers>(
      RedisServersOptions{.seeds = {server},
                          .connection = {.name = "slipstream-replay",
                                         .tls = {.ca_file = redis.ca_file,
                                                 .certificate_file = redis.certificate_file,
                                                 .key_file = redis.key_file}},
                          .breaker = {},
                          .pool_size = 2});
}

}  // namespace slipstream
