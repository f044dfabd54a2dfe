#pragma once
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/agent.h"
#include "base/bounded_queue.h"
#include "codec/decoders.h"
#include "codec/draft_filler.h"
#include "model/sinks.h"
#include "net/access.h"
#include "net/body_encoding.h"
#include "source/answer_form.h"
#include "source/answered_keys.h"
#include "source/peer_table.h"
#include "tracing/tracer.h"

namespace slipstream {

struct IngestServiceOptions {
  std::uint32_t points_per_second_per_address = 0;        ///< 0: no limit
  std::size_t max_body_bytes = std::size_t{16} << 20;     ///< once decompressed
  Durability durability = Durability::kFsynced;           ///< unless a request says another
  std::size_t max_points_bytes = std::size_t{256} << 20;  ///< of a body, in memory: 413 beyond
  bool has_replicas = false;                              ///< whether "replicated" can be asked for
  QueueLimits queue = {.items = 1'024, .bytes = std::size_t{128} << 20};
  Tracer* tracer = nullptr;  ///< nullptr: no body is traced. It outlives the service
};

/// A body of points, whichever door it came by.
struct IngestRequest {
  SourceKind source = SourceKind::kHttp;
  const AnswerForm* form = &json_answers();
  std::string body;              ///< as sent, with HttpRequest::kBodyPadding readable bytes behind
  std::string encoding = {};     ///< its Content-Encoding, in lower case
  std::string decoder = "json";  ///< the name of one (codec/decoders.h)
  std::string track = {};        ///< of a TRD export, instead of its own; empty: its own
  std::int64_t timestamp_unit_ns = 1;         ///< of line protocol; 0: told by each number's size
  bool takes_part = true;                     ///< false: one refused point refuses all
  std::string address = {};                   ///< the sender's
  Denial denied = Denial::kNone;              ///< its points are refused for this
  std::optional<Durability> durability = {};  ///< none: the configured one
  std::string key = {};  ///< sent again under the same one, it is not taken again; empty: none
  std::string traceparent = {};  ///< whose part it is; empty: nobody's
  /// What its door found wrong with what it asks for: it counts as a refused point.
  std::optional<Rejection> fault = {};
  /// What its door does not understand of its form; only a known key is answered all the same.
  struct Complaint {
    unsigned status;
    std::string message;
  };
  std::optional<Complaint> complaint = {};
};

struct IngestAnswer {
  unsigned status = 200;          ///< as HTTP numbers them
  std::string body = {};          ///< as the request's form writes it
  std::string_view refusal = {};  ///< why nothing was taken: a reason; empty: it was looked at
  std::string why = {};           ///< of a refusal, for a person
  std::string error = {};         ///< AnswerForm::Text's
  std::string retry_after = {};   ///< seconds; empty: no word of it
  bool is_replayed = false;       ///< a body with the same key was answered so before
  Denial denied = Denial::kNone;  ///< that it was refused for
};

/// Takes bodies of points, or of a mark: POST /api/ingest, /api/marks, InfluxDB's writes, and what
/// WebSocket clients publish are thin doors in front of it, which translate what they are asked
/// into an IngestRequest and the answer back. A body's points are taken all together or, when a
/// partition's queue is full or too much waits for the log, not at all (503), so that a client can
/// send it again and nothing is doubled. What can never be taken is refused with 413. Bounded: the
/// bodies that wait, what one is once decompressed, and what its points take once decoded, which
/// counts together with what waits for the log. One that the memory does not suffice for is
/// answered 503. It is answered once its points are as durable as asked. One sent with a key that
/// was taken before is answered as then, and not taken again. Requests that are denied count as
/// refused points, one each. Threads: submit() and close() from any; decoding happens on the
/// agent's thread, so that a large body holds up no connection.
class IngestService final : public SignalledAgent, private RejectionSink, private MarkSink {
 public:
  IngestService(IngestServiceOptions options, Schema& schema, IngestStats& stats,
                const Clock& clock, PointSink& sink, BatchPool& pool, RejectionLog& rejection_log);

  /// What an earlier run answered. Before the first request.
  void remember(const AnsweredKey& key);
  /// `respond` is called once, from any thread.
  void submit(IngestRequest request, std::function<void(IngestAnswer)> respond);
  /// The level of that name, or why it is not offered. Any thread.
  std::expected<Durability, Rejection> durability_named(std::string_view name) const;
  std::size_t poll(std::size_t budget) override;
  /// Requests from now on are answered 503.
  void close() { jobs_.close(); }
  /// Whether a request's traceparent is looked at.
  bool is_traced() const { return options_.tracer != nullptr; }

 protected:
  Limit idle_limit() override { return kLongestIdle; }

 private:
  using Responder = std::function<void(IngestAnswer)>;
  struct Job {
    IngestRequest request;
    Responder respond;
    ArrivalTime arrival;
    SampledTracePtr sampled = {};
  };
  enum class Next { kHandOver, kNothing };  ///< kNothing: it is answered, or will be
  static constexpr std::size_t kMaxErrors = 10;
  static constexpr std::size_t kJobsPerPoll = 16;

  /// Nothing: it will be answered later.
  std::optional<IngestAnswer> answer(Job& job);
  /// Decodes it, and leaves its points with the writer; or what it is refused with.
  std::expected<Next, IngestAnswer> look_at(Job& job);
  std::expected<Next, IngestAnswer> unpack(Job& job);
  void begin_trace(Job& job);
  void trace_decode(const Job& job, const std::expected<Next, IngestAnswer>& taken);
  std::expected<Next, IngestAnswer> take_body(const std::string& body, const Job& job);
  std::optional<IngestAnswer> hand_over(Job& job);
  std::string kept_key(const IngestRequest& request) const;
  IngestAnswer refuse_handed_over(Refusal refusal, std::size_t points);
  IngestAnswer refuse_undecodable(DecodeFault fault, const Job& job);
  /// With 503; `points` of them, of which nothing is taken.
  IngestAnswer refuse_for_now(std::string_view refusal, std::size_t points, const char* message);
  /// `points` of them, of which nothing is taken.
  IngestAnswer refuse_all(unsigned status, RejectReason reason, std::string_view refusal,
                          std::size_t points, const char* message);
  void respond_when_durable(LogOffset offset, IngestAnswer answer, const Job& job);
  std::size_t decode(std::string_view body, const Job& job);
  Decoder& decoder_named(std::string_view name);
  /// The whole body, which counts as one refused point.
  IngestAnswer refuse(unsigned status, RejectReason reason, std::string message, const Job& job);
  IngestAnswer outcome(unsigned status, std::size_t accepted) const;
  IngestAnswer refuse_denied(const Job& job);
  void accept(const Mark& mark) override;
  void rejected(std::size_t index, const Rejection& rejection, std::string_view sample) override;

  const IngestServiceOptions options_;
  IngestStats& stats_;
  const Clock& clock_;
  const Moment begun_;
  PointSink& sink_;
  BatchWriter writer_;
  PointBuilder builder_;
  DraftFiller filler_;
  std::map<std::string_view, std::unique_ptr<Decoder>> decoders_;  ///< those that were asked for
  PeerTable peers_;
  AnsweredKeys keys_;
  BoundedQueue<Job> jobs_;
  std::vector<Job> taken_;

  // Of the body in hand.
  SourceKind source_ = SourceKind::kHttp;
  const AnswerForm* form_ = &json_answers();
  Durability durability_ = Durability::kFsynced;
  std::string_view refusal_;
  Address address_;
  SteadyTime now_;
  std::vector<IngestError> errors_;
  std::size_t error_count_ = 0;
  std::size_t decoded_points_ = 0;  ///< bad ones, too
  std::vector<MarkAmong> marks_;
};

}  // namespace slipstream
