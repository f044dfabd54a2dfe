#include "cli/redis_sender.h"

#include <utility>

namespace slipstream {
namespace {}  // namespace

RedisSender::RedisSender(std::unique_ptr<RedisServers> servers,
                         std::unique_ptr<RedisConnection> connection, std::string stream)
    : servers_(std::move(servers)),
      connection_(std::move(connection)),
      stream_(std::move(stream)) {}

Result<std::unique_ptr<RedisSender>> RedisSender::open(const RedisStreamUrl& url,
                                                       const Config::Redis& redis) {
  auto servers = open_redis(url.server, redis);
  auto connection = servers->connect(url.stream, "replay");
  if (!connection) return std::unexpected(connection.error());
  return std::unique_ptr<RedisSender>(
      new RedisSender(std::move(servers), std::move(*connection), url.stream));
}

Result<void> RedisSender::send(std::string_view json) {
  const auto now = std::chrono::steady_clock::now();
  if (connection_->outstanding() == 0) first_at_ = now;
  connection_->commands().command({"XADD", stream_, "*", "data", json});
  ++waiting_;
  const bool is_full = connection_->outstanding() >= kMaxPoints;
  return is_full || now >= flush_due() ? flush() : Result<void>();
}

PointSender::Time RedisSender::flush_due() const {
  return connection_->outstanding() == 0 ? Time::max() : first_at_ + kMaxAge;
}

Result<void> RedisSender::flush() {
  const auto limit = redis_deadline_in(kRedisAnswerLimit);
  while (connection_->outstanding() > 0) {
    const auto reply = connection_->receive(limit);
    if (!reply) return fail(reply.error().message);
    --waiting_;
    if (!reply->is_error()) continue;
    if (refused_++ == 0) first_refusal_ = reply->text();
  }
  return {};
}

}  // namespace slipstream
