#pragma once
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "cli/point_sender.h"
#include "cli/redis_stream.h"

namespace slipstream {

/// Adds points to a Redis stream, one an entry, in its field `data`; many on their way at once.
/// What Redis answers with an error is counted as refused. A connection that is lost ends it: of
/// what had no answer nobody knows whether it is there.
class RedisSender final : public PointSender {
 public:
  static constexpr std::size_t kMaxPoints = 500;  ///< on their way
  static constexpr std::chrono::milliseconds kMaxAge{50};

  static Result<std::unique_ptr<RedisSender>> open(const RedisStreamUrl& url,
                                                   const Config::Redis& redis);

  Result<void> send(std::string_view json) override;
  Time flush_due() const override;
  Result<void> flush() override;
  std::uint64_t waiting() const override { return waiting_; }
  std::uint64_t refused() const override { return refused_; }
  std::string first_refusal() const override { return first_refusal_; }

 private:
  RedisSender(std::unique_ptr<RedisServers> servers, std::unique_ptr<RedisConnection> connection,
              std::string stream);

  const std::unique_ptr<RedisServers> servers_;
  const std::unique_ptr<RedisConnection> connection_;
  const std::string stream_;
  Time first_at_;  ///< of the points on their way
  std::uint64_t waiting_ = 0;
  std::uint64_t refused_ = 0;
  std::string first_refusal_;
};

}  // namespace slipstream
