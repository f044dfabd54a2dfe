#pragma once
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/agent.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/counters.h"
#include "net/http_client.h"
#include "tracing/otlp_json.h"
#include "tracing/tracer.h"

namespace slipstream {

/// Any thread.
struct SpanExporterStats {
  Counter exported;             ///< spans that the collector has
  Counter dropped_refused;      ///< spans that it never will take
  Counter dropped_unreachable;  ///< spans given up after some tries, or at a stop
  Counter failures;             ///< exports that failed, those that are tried again too
  Gauge failing;                ///< 1 while the last export failed
};

/// Sends a tracer's spans to an OpenTelemetry collector, by OTLP over HTTP in JSON, about once a
/// second or in full batches. What the collector cannot take now is tried again, as it says
/// (Retry-After) or after waits that grow, and given up after kMostTries; a breaker keeps from
/// asking one that does not answer. Nothing ever waits for it: meanwhile spans wait in the tracer,
/// which has its bound. Where an answer is lost the collector may get spans again, by the same ids.
/// Threads: its own, `trace-export`; start() and stop() one; the rest any.
class SpanExporter final : public SignalledAgent {
 public:
  using Warn = std::function<void(const std::string&)>;
  static constexpr std::size_t kBatchSpans = Tracer::kManyWaiting;
  static constexpr int kMostTries = 5;
  static constexpr std::chrono::seconds kLongestPause{60};

  struct Options {
    HttpUrl url;
    HttpClient::Headers headers = {};
    ResourceAttributes resource = {};
    bool compresses = false;
    std::chrono::milliseconds timeout{10'000};
    std::filesystem::path ca_file = {};
  };

  /// `tracer` outlives it. Errors: those of HttpClient::make().
  static Result<std::unique_ptr<SpanExporter>> make(Tracer& tracer, Options options,
                                                    const Clock& clock, Warn warn);
  ~SpanExporter() override;

  std::size_t poll(std::size_t budget) override;
  void start();
  /// Sends what waits, for so long at most; what is left is dropped.
  void stop(std::chrono::milliseconds limit);

  const SpanExporterStats& stats() const { return stats_; }
  const CircuitBreaker& breaker() const { return http_->breaker(); }
  const HttpUrl& url() const { return http_->url(); }
  /// Empty: there was none.
  std::string last_error() const;

 private:
  /// What is to be done with a batch that was sent.
  enum class Outcome { kDone, kAgain, kRefused };

  SpanExporter(Tracer& tracer, Options options, std::unique_ptr<HttpClient> http,
               const Clock& clock, Warn warn);
  Limit idle_limit() override;
  /// The batch in hand, or the next one; whether there is none any more.
  bool send();
  Outcome ask(std::chrono::milliseconds& pause);
  void judge_taken(const HttpReply& reply);
  void succeeded();
  void failed(std::string why);
  void send_last();

  Tracer& tracer_;
  const Options options_;
  const std::unique_ptr<HttpClient> http_;
  const Clock& clock_;
  const Warn warn_;
  SpanExporterStats stats_;
  std::unique_ptr<AgentThread> thread_;

  // Of its thread; of the one that stops it when that has ended.
  std::vector<TraceSpan> batch_;
  int tries_ = 0;  ///< of the batch
  SteadyTime retry_at_ = kNever;
  Backoff backoff_;

  mutable std::mutex mutex_;  // guards last_error_
  std::string last_error_;
};

}  // namespace slipstream
