#pragma once
#include <memory>

#include "app/basics.h"
#include "app/component.h"
#include "app/redis_component.h"
#include "base/agent.h"
#include "redis_streams/stream_appender.h"
#include "redis_streams/stream_options.h"

namespace slipstream {

/// Where Redis is the log: writes what comes in to its streams.
class StreamLogComponent final : public Component {
 public:
  /// `live` takes the points for this instance's clients. All of it outlives this.
  StreamLogComponent(const Basics& basics, RedisComponent& redis, const StreamOptions& options,
                     PointSink& live);

  std::string_view name() const override { return "stream-log"; }
  void start() override;
  bool stop() override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;

  /// Where sources hand their points over.
  PointSink& sink() { return appender_; }

 private:
  RedisComponent& redis_;
  StreamAppender appender_;
  std::unique_ptr<AgentThread> thread_;
};

}  // namespace slipstream
