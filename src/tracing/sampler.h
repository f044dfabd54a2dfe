#pragma once
#include <array>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "tracing/trace_context.h"

namespace slipstream {

/// Which traces are recorded, as OpenTelemetry's OTEL_TRACES_SAMPLER says it.
struct SamplerOptions {
  enum class Root { kAlwaysOn, kAlwaysOff, kRatio };

  /// Of what has no parent, or whose parent is not asked.
  Root root = Root::kRatio;
  double ratio = 1e-4;                ///< of kRatio: the share of traces
  bool is_limited = true;             ///< to Sampler::kMostPerSecond of those without a parent
  bool is_parent_based = true;        ///< what has a parent is recorded where that is
  std::string_view name = "default";  ///< for people

  /// `name`: one of OpenTelemetry's; empty: the default, one in 10,000 and at most 10 a second of
  /// those without a parent. `argument`: of a ratio, from 0 to 1; empty: 1. Errors: neither.
  static Result<SamplerOptions> parse(std::string_view name, std::string_view argument);
};

/// Decides once for a trace. By a ratio it goes by the trace's id: all who are asked for the same
/// one agree, and a greater ratio takes what a smaller one does. Threads: any.
class Sampler {
 public:
  static constexpr std::size_t kMostPerSecond = 10;

  Sampler(SamplerOptions options, const Clock& clock);

  /// `parent`: nullptr: there is none.
  bool wants(const TraceContext* parent, TraceId id);
  const SamplerOptions& options() const { return options_; }

 private:
  bool wants_root(TraceId id) const;
  bool has_room();

  const SamplerOptions options_;
  const Clock& clock_;
  std::mutex mutex_;  // guards what follows
  std::array<SteadyTime, kMostPerSecond> taken_at_;
  std::size_t oldest_ = 0;
};

}  // namespace slipstream
