#include "redis/address.h"

#include <charconv>
#include <optional>

#include "base/percent_text.h"

namespace slipstream {

namespace {

std::unexpected<Error> bad(const std::string& what) {
  return fail("Redis URL: " + what);
}

Result<std::string> decode(std::string_view text, std::string_view part) {
  std::string out;
  if (!percent_decode(text, PlusSign::kItself, out)) {
    return bad("'%' in the " + std::string(part) + " must be followed by two hex digits");
  }
  return out;
}

template <typename T>
std::optional<T> number(std::string_view text, T least, T most) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (value < least || value > most) return std::nullopt;
  return value;
}

Result<void> set_database(RedisAddress& out, std::string_view text) {
  const auto database = number<int>(text, 0, 1'000'000);
  if (!database) return bad("database '" + std::string(text) + "' is no number");
  out.database = *database;
  return {};
}

Result<void> set_credentials(RedisAddress& out, std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    return bad("before '@' stands a user without a password: write user:password@ or :password@");
  }
  auto user = decode(text.substr(0, colon), "user");
  if (!user) return std::unexpected(user.error());
  auto password = decode(text.substr(colon + 1), "password");
  if (!password) return std::unexpected(password.error());
  out.user = std::move(*user);
  out.password = std::move(*password);
  out.has_credentials = true;
  return {};
}

Result<void> set_host(RedisAddress& out, std::string_view text) {
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return bad("']' is missing after the IPv6 address");
    const auto rest = text.substr(end + 1);
    out.host = text.substr(1, end - 1);
    if (!rest.empty() && rest.front() != ':') return bad("after ']' only :port may follow");
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else {
    const auto colon = text.find(':');
    if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
      return bad("an IPv6 address stands in brackets: [::1]:6379");
    }
    has_port = colon != std::string_view::npos;
    if (has_port) port = text.substr(colon + 1);
    out.host = text.substr(0, colon);
  }
  if (out.host.empty()) return bad("the host is missing");
  if (!has_port) return {};
  const auto value = number<std::uint16_t>(port, 1, 65535);
  if (!value) return bad("port '" + std::string(port) + "' is not a number from 1 to 65535");
  out.port = *value;
  return {};
}

Result<void> set_query(RedisAddress& out, std::string_view query) {
  while (!query.empty()) {
    const auto parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(parameter.size() + 1, query.size()));
    if (!parameter.starts_with("db=")) {
      return bad("parameter '" + std::string(parameter.substr(0, parameter.find('='))) +
                 "' is unknown; there is only db");
    }
    if (auto done = set_database(out, parameter.substr(3)); !done) return done;
  }
  return {};
}

}  // namespace

std::string RedisAddress::text() const {
  if (kind == Kind::kUnix) {
    return "unix://" + path + (database == 0 ? "" : "?db=" + std::to_string(database));
  }
  std::string out = kind == Kind::kTls ? "rediss://" : "redis://";
  const bool is_ipv6 = host.find(':') != std::string::npos;
  out += is_ipv6 ? "[" + host + "]" : host;
  out += ":" + std::to_string(port);
  if (database != 0) out += "/" + std::to_string(database);
  return out;
}

Result<RedisAddress> parse_redis_url(std::string_view url) {
  RedisAddress out;
  const auto scheme_end = url.find("://");
  const auto scheme = url.substr(0, scheme_end == std::string_view::npos ? 0 : scheme_end);
  if (scheme == "redis") {
    out.kind = RedisAddress::Kind::kTcp;
  } else if (scheme == "rediss") {
    out.kind = RedisAddress::Kind::kTls;
  } else if (scheme == "unix") {
    out.kind = RedisAddress::Kind::kUnix;
  } else {
    return bad("it must begin with redis://, rediss:// (TLS) or unix://");
  }
  auto rest = url.substr(scheme_end + 3);
  const auto authority = rest.substr(0, rest.find_first_of("/?#"));
  rest.remove_prefix(authority.size());

  const auto at = authority.rfind('@');
  if (at == std::string_view::npos && rest.find('@') != std::string_view::npos &&
      out.kind != RedisAddress::Kind::kUnix) {
    return bad("'/', '?' and '#' in a password must be percent-encoded (%2F, %3F, %23)");
  }
  if (at != std::string_view::npos) {
    if (auto done = set_credentials(out, authority.substr(0, at)); !done) {
      return std::unexpected(done.error());
    }
  }
  const auto host = at == std::string_view::npos ? authority : authority.substr(at + 1);

  std::string_view query;
  if (const auto mark = rest.find('?'); mark != std::string_view::npos) {
    query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  if (out.kind == RedisAddress::Kind::kUnix) {
    if (!host.empty()) return bad("unix:// has no host: write unix:///path/to/redis.sock");
    if (rest.size() < 2) return bad("the socket's path is missing: unix:///path/to/redis.sock");
    auto path = decode(rest, "path");
    if (!path) return std::unexpected(path.error());
    out.path = std::move(*path);
    if (out.path.size() > 107) return bad("the socket's path is longer than 107 bytes");
  } else {
    if (auto done = set_host(out, host); !done) return std::unexpected(done.error());
    if (rest.size() > 1) {
      if (auto done = set_database(out, rest.substr(1)); !done)
        return std::unexpected(done.error());
    }
  }
  if (auto done = set_query(out, query); !done) return std::unexpected(done.error());
  return out;
}

Result<std::vector<RedisAddress>> parse_redis_urls(std::string_view urls) {
  std::vector<RedisAddress> out;
  while (true) {
    const auto comma = urls.find(',');
    auto url = urls.substr(0, comma);
    while (url.starts_with(' ')) url.remove_prefix(1);
    while (url.ends_with(' ')) url.remove_suffix(1);
    auto address = parse_redis_url(url);
    if (!address) {
      if (out.empty() && comma == std::string_view::npos) return std::unexpected(address.error());
      return fail(address.error().message + " (number " + std::to_string(out.size() + 1) +
                  " of the list)");
    }
    out.push_back(std::move(*address));
    if (comma == std::string_view::npos) return out;
    urls.remove_prefix(comma + 1);
  }
}

}  // namespace slipstream
