#pragma once
#include <array>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "base/agent.h"
#include "base/bounded_queue.h"
#include "codec/decoders.h"
#include "codec/draft_filler.h"
#include "model/sinks.h"
#include "net/body_encoding.h"
#include "net/http.h"
#include "source/answered_keys.h"
#include "source/peer_table.h"

namespace slipstream {

struct HttpIngestOptions {
  std::uint32_t points_per_second_per_address = 0;        ///< 0: no limit
  std::size_t max_body_bytes = std::size_t{16} << 20;     ///< once decompressed
  Durability durability = Durability::kFsynced;           ///< unless a request says another
  std::size_t max_points_bytes = std::size_t{256} << 20;  ///< of a body, in memory: 413 beyond
  bool has_replicas = false;                              ///< whether "replicated" can be asked for
  QueueLimits queue = {.items = 1'024, .bytes = std::size_t{128} << 20};
};

/// POST /api/ingest, InfluxDB's POST /write and /api/v2/write, and what WebSocket clients publish.
/// A body's points are taken all together or, when a partition's queue is full or too much waits
/// for the log, not at all (503), so that a client can send it again and nothing is doubled. What
/// can never be taken is refused with 413. Bounded: the bodies that wait, what one is once
/// decompressed, and what its points take once decoded, which counts together with what waits for
/// the log. One that the memory does not suffice for is answered 503. It is answered once its
/// points are as durable as asked. One sent with an Idempotency-Key that was taken before is
/// answered as then, and not taken again. Requests that the server denies are counted as refused
/// points, one each: the route must hear denials. Threads: handle() from any; decoding happens on
/// the agent's thread, so that a large body holds up no other connection.
class HttpIngest final : public SignalledAgent, private RejectionSink {
 public:
  HttpIngest(HttpIngestOptions options, Schema& schema, IngestStats& stats, const Clock& clock,
             PointSink& sink, BatchPool& pool, RejectionLog& rejection_log);

  /// What an earlier run answered. Before the first request.
  void remember(const AnsweredKey& key);
  void handle(HttpRequest request, HttpResponder respond);
  /// Line protocol; answered as InfluxDB answers: 204, or why not. Where some lines are refused the
  /// others are taken, and the answer is 400, after which clients send nothing of it again.
  void handle_influx(HttpRequest request, HttpResponder respond);

  struct PublishOutcome {
    HttpResponse response;          ///< what an HTTP request would have been told
    std::string_view refusal = {};  ///< why nothing was taken: a reason; empty: it was looked at
  };
  /// The same for what a WebSocket client publishes. `request` has its points as a body of JSON,
  /// the header that counts: Idempotency-Key, and whether its client is denied.
  void publish(HttpRequest request, std::function<void(PublishOutcome)> respond);
  std::size_t poll(std::size_t budget) override;
  /// Requests from now on are answered 503.
  void close() { jobs_.close(); }

 private:
  using Responder = std::function<void(PublishOutcome)>;
  struct Job {
    HttpRequest request;
    Responder respond;
    ArrivalTime arrival;
    SourceKind source;
    bool is_influx = false;
  };
  enum class Format { kJson, kLines, kCsv, kInflux };
  static constexpr std::size_t kFormats = 4;
  enum class Next { kHandOver, kNothing };  ///< kNothing: it is answered, or will be
  static constexpr std::size_t kMaxErrors = 10;
  static constexpr std::size_t kJobsPerPoll = 16;

  static std::array<std::unique_ptr<Decoder>, kFormats> decoders_of(DraftFiller& filler);
  std::expected<Format, HttpResponse> format_of(const Job& job) const;
  /// Nothing: it will be answered later.
  std::optional<HttpResponse> answer(Job& job);
  /// Decodes it, and leaves its points with the writer; or what it is refused with.
  std::expected<Next, HttpResponse> look_at(Job& job);
  std::expected<Next, HttpResponse> take_body(std::string& body, Format format, const Job& job);
  std::optional<HttpResponse> hand_over(Job& job);
  std::string kept_key(std::string_view given) const;
  HttpResponse refuse_handed_over(Refusal refusal, std::size_t points);
  HttpResponse refuse_undecodable(DecodeFault fault, Format format, const Job& job);
  /// With 503; `points` of them, of which nothing is taken.
  HttpResponse refuse_for_now(std::string_view refusal, std::size_t points, const char* message);
  void respond_when_durable(LogOffset offset, Durability durability, HttpResponse response,
                            const Job& job);
  void take_job(Job job);
  std::size_t decode(std::string_view body, Format format, const Job& job);
  /// The whole body, which counts as one refused point.
  HttpResponse refuse(unsigned status, RejectReason reason, std::string message, const Job& job);
  HttpResponse outcome(unsigned status, std::size_t accepted) const;
  /// Of a request whose format is not understood.
  static HttpResponse complaint(unsigned status, std::string_view message, bool is_influx);
  HttpResponse refuse_denied(const Job& job);
  void rejected(std::size_t index, const Rejection& rejection, std::string_view sample) override;

  const HttpIngestOptions options_;
  IngestStats& stats_;
  const Clock& clock_;
  const Moment begun_;
  PointSink& sink_;
  BatchWriter writer_;
  PointBuilder builder_;
  DraftFiller filler_;
  std::array<std::unique_ptr<Decoder>, kFormats> decoders_;
  PeerTable peers_;
  AnsweredKeys keys_;
  BoundedQueue<Job> jobs_;
  std::vector<Job> taken_;

  // Of the body in hand.
  SourceKind source_ = SourceKind::kHttp;
  Durability durability_ = Durability::kFsynced;
  std::string_view refusal_;
  Address address_;
  SteadyTime now_;
  std::string errors_;
  std::string first_error_;
  std::size_t error_count_ = 0;
  bool is_influx_ = false;
};

}  // namespace slipstream
