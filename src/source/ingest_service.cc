#include "source/ingest_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/fault.h"
#include "net/address.h"
#include "net/http_guard.h"
#include "source/run_together.h"

namespace slipstream {
namespace {

constexpr const char* kRetryAfterSeconds = "1";
constexpr std::string_view kOverloaded = "overloaded";
constexpr std::string_view kUnavailable = "unavailable";
constexpr const char* kNoMemory = "there is not enough memory for the body: nothing was taken";
constexpr const char* kTooMuchWaits =
    "too much waits for the log to take the body: nothing was taken";
constexpr const char* kTooManyMarks =
    "each of the body's marks goes into every partition's stream, which is more than may ever wait "
    "for Redis: send them in several bodies; nothing was taken";
constexpr BatchLimits kBatchLimits{.points = 2'048, .text_bytes = std::size_t{512} << 10};

IngestAnswer not_taken(NotTaken reason, std::string_view refusal, const AnswerForm& form) {
  auto text = form.of(reason);
  return {.status = text.status,
          .body = std::move(text.body),
          .refusal = refusal,
          .why = std::string(message_of(reason)),
          .error = std::move(text.error),
          .retry_after = kRetryAfterSeconds};
}

IngestAnswer complaint(const AnswerForm& form, unsigned status, std::string_view message) {
  auto text = form.complaint(status, message);
  return {.status = text.status,
          .body = std::move(text.body),
          .why = std::string(message),
          .error = std::move(text.error)};
}

}  // namespace

IngestService::IngestService(IngestServiceOptions options, Schema& schema, IngestStats& stats,
                             const Clock& clock, PointSink& sink, BatchPool& pool,
                             RejectionLog& rejection_log)
    : options_(std::move(options)),
      stats_(stats),
      clock_(clock),
      begun_(clock.moment()),
      sink_(sink),
      writer_(sink.partitions(), pool, kBatchLimits),
      builder_(schema, stats, writer_),
      filler_(builder_),
      peers_("http", options_.points_per_second_per_address, rejection_log),
      jobs_(options_.queue) {
  builder_.send_marks_to(*this);
}

void IngestService::remember(const AnsweredKey& key) {
  // How long ago that was only the wall clock can tell, which may have been set since.
  keys_.add(key, 0, clock_.steady());
}

std::expected<Durability, Rejection> IngestService::durability_named(std::string_view name) const {
  if (name == "received") return Durability::kReceived;
  if (name == "logged") return Durability::kLogged;
  if (name == "fsynced") return Durability::kFsynced;
  if (name == "replicated" && options_.has_replicas) return Durability::kReplicated;
  return reject(
      RejectReason::kOutOfRange,
      fmt::format("durability '{}' is not offered: received, logged{} or fsynced is",
                  printable_sample(name, 40), options_.has_replicas ? ", replicated" : ""));
}

void IngestService::submit(IngestRequest request, std::function<void(IngestAnswer)> respond) {
  CHECK(request.form != nullptr && respond, "every body is answered, in some form");
  CHECK(request.complaint || find_decoder(request.decoder) != nullptr,
        "a door names a decoder that there is, or complains");
  Job job{std::move(request), std::move(respond), clock_.now()};
  // Who may not write chooses no trace of ours.
  if (options_.tracer != nullptr && job.request.denied == Denial::kNone) begin_trace(job);
  const std::size_t bytes = job.request.body.size() + sizeof(Job);
  if (jobs_.offer(job, bytes) == OfferStatus::kTaken) {
    wake();
    return;
  }
  stats_.of(job.request.source).received.add();
  stats_.reject(job.request.source, RejectReason::kOverloaded);
  job.respond(not_taken(NotTaken::kTooManyWait, kOverloaded, *job.request.form));
}

std::size_t IngestService::poll(std::size_t budget) {
  std::size_t done = 0;
  // Few at a time: what is taken no longer counts in the queue's bytes.
  while (done < budget && jobs_.take(taken_, kJobsPerPoll) > 0) {
    for (Job& job : taken_) {
      if (auto response = answer(job)) job.respond(std::move(*response));
    }
    done += taken_.size();
    taken_.clear();
  }
  return done;
}

std::optional<IngestAnswer> IngestService::answer(Job& job) {
  auto looked = std::expected<Next, IngestAnswer>(Next::kNothing);
  try {
    looked = look_at(job);
  } catch (const std::bad_alloc&) {
    writer_.discard();
    stats_.of(source_).received.add(error_count_ + 1);
    return refuse_for_now(kOverloaded, 1, kNoMemory);
  }
  if (!looked) return std::move(looked.error());
  return *looked == Next::kHandOver ? hand_over(job) : std::nullopt;
}

std::expected<IngestService::Next, IngestAnswer> IngestService::look_at(Job& job) {
  IngestRequest& request = job.request;
  errors_.clear();
  marks_.clear();
  error_count_ = 0;
  form_ = request.form;
  now_ = clock_.steady();
  source_ = request.source;
  refusal_ = {};
  address_ = parse_address(request.address).value_or(Address{});

  if (request.denied != Denial::kNone) return std::unexpected(refuse_denied(job));
  if (!peers_.may_send(address_, now_)) {
    auto refused =
        refuse(429, RejectReason::kRateLimited, "too many points a second from this address", job);
    refused.retry_after = std::to_string(peers_.seconds_to_wait(address_, now_));
    return std::unexpected(std::move(refused));
  }
  if (request.fault) {
    return std::unexpected(refuse(400, request.fault->reason, request.fault->message, job));
  }
  if (request.key.size() > AnsweredKeys::kMaxKeyBytes) {
    return std::unexpected(refuse(
        400, RejectReason::kTooLarge,
        fmt::format("Idempotency-Key is longer than {} bytes", AnsweredKeys::kMaxKeyBytes), job));
  }
  durability_ = request.durability.value_or(options_.durability);
  if (const auto* known = request.key.empty() ? nullptr : keys_.find(kept_key(request), now_)) {
    respond_when_durable(known->offset,
                         {.status = known->status, .body = known->body, .is_replayed = true}, job);
    return Next::kNothing;
  }
  if (request.complaint) {
    return std::unexpected(
        complaint(*form_, request.complaint->status, request.complaint->message));
  }
  auto taken = unpack(job);
  if (job.sampled) trace_decode(job, taken);
  return taken;
}

std::expected<IngestService::Next, IngestAnswer> IngestService::unpack(Job& job) {
  IngestRequest& request = job.request;
  decoded_points_ = 0;
  auto body = decode_body(std::move(request.body), request.encoding, options_.max_body_bytes);
  if (!body) return std::unexpected(refuse_undecodable(body.error(), job));
  return take_body(*body, job);
}

/// Of one that is sampled the answer is the end of `receive`.
void IngestService::begin_trace(Job& job) {
  job.sampled = options_.tracer->begin(job.request.traceparent);
  if (!job.sampled) return;
  const auto kind = job.request.source;
  job.respond = [respond = std::move(job.respond), sampled = job.sampled,
                 source = kSourceNames[static_cast<std::size_t>(kind)],
                 bytes = job.request.body.size(), begun = clock_.steady()](IngestAnswer answer) {
    const bool is_ours_to_mend = answer.status >= 500;
    sampled->root(kReceiveSpan, SpanKind::kServer, sampled->since(begun),
                  {{kSourceAttribute, std::string(source)},
                   {kBytesAttribute, attribute_of(bytes)},
                   {kStatusAttribute, attribute_of(answer.status)}},
                  is_ours_to_mend ? "nothing was taken: " + answer.why : std::string());
    respond(std::move(answer));
  };
}

void IngestService::trace_decode(const Job& job, const std::expected<Next, IngestAnswer>& taken) {
  std::string error;
  if (!taken) error = taken.error().why.empty() ? "nothing was taken" : taken.error().why;
  job.sampled->child(
      kDecodeSpan, job.sampled->since(now_),
      {{kDecoderAttribute, job.request.decoder}, {kPointsAttribute, attribute_of(decoded_points_)}},
      std::move(error));
}

IngestAnswer IngestService::refuse_undecodable(DecodeFault fault, const Job& job) {
  switch (fault) {
    case DecodeFault::kUnsupported:
      return complaint(*form_, 415, "Content-Encoding is not understood: gzip, deflate or zstd is");
    case DecodeFault::kTooLarge:
      return refuse(
          413, RejectReason::kTooLarge,
          fmt::format("the decompressed body is larger than {} bytes", options_.max_body_bytes),
          job);
    case DecodeFault::kMalformed:
    case DecodeFault::kShort:
      break;
  }
  return refuse(400, find_decoder(job.request.decoder)->malformed,
                "the body is not what its Content-Encoding says", job);
}

std::expected<IngestService::Next, IngestAnswer> IngestService::take_body(const std::string& body,
                                                                          const Job& job) {
  const std::size_t room = std::min(options_.max_points_bytes, sink_.room_bytes());
  writer_.begin(room);
  SLIPSTREAM_FAULT("decode_body", body);
  const std::size_t points = decoded_points_ = decode(body, job);
  CHECK(points >= error_count_, "a decoder tells of no more refusals than points");
  if (points == 0 && marks_.empty()) {
    if (auto text = form_->of_no_points()) {
      return std::unexpected(IngestAnswer{.status = text->status, .body = std::move(text->body)});
    }
    return std::unexpected(refuse(400, RejectReason::kEmpty, "the body holds no point", job));
  }
  if (writer_.bytes() > room) {
    const bool is_ever_taken = writer_.bytes() <= options_.max_points_bytes;
    writer_.discard();
    if (is_ever_taken) {
      stats_.of(source_).received.add(points);
      return std::unexpected(refuse_for_now(kOverloaded, points - error_count_, kTooMuchWaits));
    }
    // Points that are refused for themselves are counted already; the others are one with the body.
    stats_.of(source_).received.add(error_count_);
    return std::unexpected(
        refuse(413, RejectReason::kTooLarge,
               fmt::format("the body's {} points take over {} MiB of memory once decoded, which is "
                           "the limit: send them in several bodies; nothing was taken",
                           points, options_.max_points_bytes >> 20),
               job));
  }
  if (!errors_.empty() && looks_run_together(body, job.request.decoder)) {
    errors_.front().message += kRunTogether;
  }
  if (error_count_ > 0 && !job.request.takes_part) {
    // What is nothing by itself was not received either.
    writer_.discard();
    stats_.of(source_).received.add(error_count_);
    peers_.spend(address_, points, now_);
    return std::unexpected(outcome(400, 0));
  }
  stats_.of(source_).received.add(points);
  peers_.spend(address_, points + marks_.size(), now_);
  return Next::kHandOver;
}

std::optional<IngestAnswer> IngestService::hand_over(Job& job) {
  Body taken{.batches = writer_.take_all(),
             .marks = std::exchange(marks_, {}),
             .durability = durability_,
             .sampled = job.sampled};
  const std::size_t marks = taken.marks.size();
  std::size_t accepted = marks;
  for (const auto& batch : taken.batches) accepted += batch->points.size();
  if (accepted == 0) return outcome(400, 0);
  auto response = outcome(200, accepted);
  std::optional<AnsweredKey> key;
  if (!job.request.key.empty()) {
    key = AnsweredKey{kept_key(job.request), unset_since(begun_, now_),
                      static_cast<std::uint16_t>(response.status), response.body};
    taken.key = &*key;
  }
  for (const auto& batch : taken.batches) {
    CHECK(batch != nullptr && batch->points.front().source == source_,
          "a body's batches are of its own source alone, which they are counted by");
    batch->sampled = job.sampled;
  }
  const auto offset = sink_.offer_all(taken);
  if (!offset) {
    for (auto& batch : taken.batches) writer_.pool().put(std::move(batch));
    stats_.marks_refused.add(marks);
    stats_.of(source_).received.add(marks);  // as it is refused
    return refuse_handed_over(offset.error(), accepted);
  }
  if (key) keys_.add(*key, *offset, now_);
  respond_when_durable(*offset, std::move(response), job);
  return std::nullopt;
}

void IngestService::accept(const Mark& mark) {
  marks_.push_back({writer_.cut(), std::make_shared<const Mark>(mark)});
}

IngestAnswer IngestService::refuse_handed_over(Refusal refusal, std::size_t points) {
  switch (refusal) {
    case Refusal::kFull:
      return refuse_for_now(kOverloaded, points, kTooMuchWaits);
    case Refusal::kQueueFull:
      return refuse_for_now(kOverloaded, points, "a partition's queue is full: nothing was taken");
    case Refusal::kNoMemory:
      return refuse_for_now(kOverloaded, points, kNoMemory);
    case Refusal::kTooManyMarks:
      return refuse_all(413, RejectReason::kTooLarge, to_string(RejectReason::kTooLarge), points,
                        kTooManyMarks);
    case Refusal::kLogUnavailable:
      break;
  }
  return refuse_for_now(kUnavailable, points, "the log cannot be written: nothing was taken");
}

std::string IngestService::kept_key(const IngestRequest& request) const {
  return fmt::format("{}{}", request.form->key_prefix(), request.key);
}

IngestAnswer IngestService::refuse_for_now(std::string_view refusal, std::size_t points,
                                           const char* message) {
  auto refused = refuse_all(503, RejectReason::kOverloaded, refusal, points, message);
  refused.retry_after = kRetryAfterSeconds;
  return refused;
}

IngestAnswer IngestService::refuse_all(unsigned status, RejectReason reason,
                                       std::string_view refusal, std::size_t points,
                                       const char* message) {
  refusal_ = refusal;
  stats_.reject(source_, reason, points - 1);
  rejected(0, {reason, message}, "");
  error_count_ += points - 1;
  return outcome(status, 0);
}

void IngestService::respond_when_durable(LogOffset offset, IngestAnswer answer, const Job& job) {
  sink_.when_durable(offset, durability_,
                     [respond = job.respond, form = job.request.form,
                      answer = std::move(answer)](bool is_durable) mutable {
                       const bool is_replayed = answer.is_replayed;
                       if (!is_durable) answer = not_taken(NotTaken::kNotSafe, kUnavailable, *form);
                       answer.is_replayed = is_replayed && is_durable;
                       respond(std::move(answer));
                     });
}

Decoder& IngestService::decoder_named(std::string_view name) {
  const auto* kind = find_decoder(name);
  CHECK(kind != nullptr, "submit() has looked whether there is such a decoder");
  auto& decoder = decoders_[kind->name];
  if (!decoder) decoder = kind->make(filler_);
  return *decoder;
}

std::size_t IngestService::decode(std::string_view body, const Job& job) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return 0;
  const std::string peer = "http:" + job.request.address;
  return decoder_named(job.request.decoder)
      .decode(body,
              {.source = source_,
               .arrival = job.arrival,
               .peer = peer,
               .is_body = true,
               .track = job.request.track,
               .timestamp_unit_ns = job.request.timestamp_unit_ns},
              *this);
}

IngestAnswer IngestService::refuse_denied(const Job& job) {
  const Denial denial = job.request.denied;
  auto refused = refuse(
      denial_status(denial),
      denial == Denial::kRateLimited ? RejectReason::kRateLimited : RejectReason::kUnauthorized,
      std::string(denial_message(denial)), job);
  refused.denied = denial;
  return refused;
}

void IngestService::rejected(std::size_t index, const Rejection& rejection,
                             std::string_view sample) {
  stats_.reject(source_, rejection.reason);
  peers_.report(address_, rejection, sample, now_);
  if (++error_count_ > kMaxErrors) return;
  errors_.push_back({index, rejection.reason, rejection.message});
}

IngestAnswer IngestService::refuse(unsigned status, RejectReason reason, std::string message,
                                   const Job& job) {
  stats_.of(source_).received.add();
  if (status != 400) refusal_ = to_string(reason);
  rejected(0, {reason, std::move(message)},
           std::string_view(job.request.body).substr(0, PeerTable::kMaxSampleBytes));
  return outcome(status, 0);
}

IngestAnswer IngestService::outcome(unsigned status, std::size_t accepted) const {
  auto text = form_->of(IngestOutcome{
      .status = status, .accepted = accepted, .rejected = error_count_, .errors = errors_});
  return {.status = text.status,
          .body = std::move(text.body),
          .refusal = refusal_,
          .why = errors_.empty() ? std::string() : errors_.front().message,
          .error = std::move(text.error)};
}

}  // namespace slipstream
