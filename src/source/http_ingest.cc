#include "source/http_ingest.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>

#include "base/fault.h"
#include "base/json_text.h"
#include "net/address.h"
#include "net/body_encoding.h"
#include "net/http_guard.h"
#include "source/influx_answer.h"

namespace slipstream {
namespace {

constexpr std::string_view kRetryAfterSeconds = "1";
constexpr std::string_view kKeyHeader = "Idempotency-Key";
constexpr std::string_view kOverloaded = "overloaded";
constexpr std::string_view kUnavailable = "unavailable";
constexpr const char* kNoMemory = "there is not enough memory for the body: nothing was taken";
constexpr const char* kTooMuchWaits =
    "too much waits for the log to take the body: nothing was taken";
constexpr BatchLimits kBatchLimits{.points = 2'048, .text_bytes = std::size_t{512} << 10};

std::string lower_trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  std::string out(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

Result<Durability> durability_of(const HttpRequest& request, const HttpIngestOptions& options) {
  const auto given = request.query_value("durability");
  if (!given) return options.durability;
  if (*given == "received") return Durability::kReceived;
  if (*given == "logged") return Durability::kLogged;
  if (*given == "fsynced") return Durability::kFsynced;
  if (*given == "replicated" && options.has_replicas) return Durability::kReplicated;
  return fail(fmt::format("durability '{}' is not offered: received, logged{} or fsynced is",
                          printable_sample(*given, 40),
                          options.has_replicas ? ", replicated" : ""));
}

std::function<void(HttpIngest::PublishOutcome)> response_only(HttpResponder respond) {
  return [respond = std::move(respond)](HttpIngest::PublishOutcome outcome) {
    respond(std::move(outcome.response));
  };
}

}  // namespace

/// By what a request says its body is.
auto HttpIngest::decoders_of(DraftFiller& filler)
    -> std::array<std::unique_ptr<Decoder>, kFormats> {
  std::array<std::unique_ptr<Decoder>, kFormats> decoders;
  for (const auto& [format, name] :
       {std::pair{Format::kJson, "json"}, std::pair{Format::kLines, "ndjson"},
        std::pair{Format::kCsv, "table"}, std::pair{Format::kInflux, "line"}}) {
    decoders[static_cast<std::size_t>(format)] = std::move(*make_decoder(name, filler));
  }
  return decoders;
}

HttpIngest::HttpIngest(HttpIngestOptions options, Schema& schema, IngestStats& stats,
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
      decoders_(decoders_of(filler_)),
      peers_("http", options_.points_per_second_per_address, rejection_log),
      jobs_(options_.queue) {}

void HttpIngest::remember(const AnsweredKey& key) {
  // How long ago that was only the wall clock can tell, which may have been set since.
  keys_.add(key, 0, clock_.steady());
}

void HttpIngest::handle(HttpRequest request, HttpResponder respond) {
  take_job(
      {std::move(request), response_only(std::move(respond)), clock_.now(), SourceKind::kHttp});
}

void HttpIngest::handle_influx(HttpRequest request, HttpResponder respond) {
  take_job({std::move(request), response_only(std::move(respond)), clock_.now(), SourceKind::kHttp,
            true});
}

void HttpIngest::publish(HttpRequest request, std::function<void(PublishOutcome)> respond) {
  take_job({std::move(request), std::move(respond), clock_.now(), SourceKind::kWebSocket});
}

void HttpIngest::take_job(Job job) {
  const std::size_t bytes = job.request.body.size() + sizeof(Job);
  if (jobs_.offer(job, bytes) == OfferStatus::kTaken) {
    wake();
    return;
  }
  stats_.of(job.source).received.add();
  stats_.reject(job.source, RejectReason::kOverloaded);
  constexpr std::string_view kMessage = "too many bodies are waiting to be decoded";
  auto response = job.is_influx
                      ? influx_answer(503, kMessage)
                      : HttpResponse{.status = 503,
                                     .body = fmt::format(
                                         R"({{"ok":false,"accepted":0,"rejected":1,"errors":[)"
                                         R"({{"index":0,"reason":"overloaded","message":"{}"}}]}})",
                                         kMessage)};
  response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  job.respond({std::move(response), kOverloaded});
}

std::size_t HttpIngest::poll(std::size_t budget) {
  std::size_t done = 0;
  // Few at a time: what is taken no longer counts in the queue's bytes.
  while (done < budget && jobs_.take(taken_, kJobsPerPoll) > 0) {
    for (Job& job : taken_) {
      if (auto response = answer(job)) job.respond({std::move(*response), refusal_});
    }
    done += taken_.size();
    taken_.clear();
  }
  return done;
}

std::optional<HttpResponse> HttpIngest::answer(Job& job) {
  auto looked = std::expected<Next, HttpResponse>(Next::kNothing);
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

std::expected<HttpIngest::Next, HttpResponse> HttpIngest::look_at(Job& job) {
  errors_.clear();
  first_error_.clear();
  error_count_ = 0;
  is_influx_ = job.is_influx;
  now_ = clock_.steady();
  source_ = job.source;
  refusal_ = {};
  address_ = parse_address(job.request.address).value_or(Address{});

  if (job.request.denied != Denial::kNone) return std::unexpected(refuse_denied(job));
  if (!peers_.may_send(address_, now_)) {
    auto response =
        refuse(429, RejectReason::kRateLimited, "too many points a second from this address", job);
    response.headers.emplace_back("Retry-After",
                                  std::to_string(peers_.seconds_to_wait(address_, now_)));
    return std::unexpected(std::move(response));
  }
  const auto durability = durability_of(job.request, options_);
  if (!durability) {
    return std::unexpected(refuse(400, RejectReason::kOutOfRange, durability.error().message, job));
  }
  durability_ = *durability;
  const auto key = job.request.header(kKeyHeader);
  if (key.size() > AnsweredKeys::kMaxKeyBytes) {
    return std::unexpected(refuse(
        400, RejectReason::kTooLarge,
        fmt::format("{} is longer than {} bytes", kKeyHeader, AnsweredKeys::kMaxKeyBytes), job));
  }
  if (job.request.header_count(kKeyHeader) > 1) {
    return std::unexpected(
        refuse(400, RejectReason::kOutOfRange, fmt::format("{} is there twice", kKeyHeader), job));
  }
  if (const auto* known = key.empty() ? nullptr : keys_.find(kept_key(key), now_)) {
    HttpResponse response{.status = known->status, .body = known->body};
    response.headers.emplace_back("Idempotency-Replayed", "true");
    respond_when_durable(known->offset, durability_, std::move(response), job);
    return Next::kNothing;
  }
  const auto format = format_of(job);
  if (!format) return std::unexpected(format.error());
  auto body =
      decode_body(std::move(job.request.body),
                  lower_trimmed(job.request.header("Content-Encoding")), options_.max_body_bytes);
  if (!body) return std::unexpected(refuse_undecodable(body.error(), *format, job));
  return take_body(*body, *format, job);
}

HttpResponse HttpIngest::refuse_undecodable(DecodeFault fault, Format format, const Job& job) {
  switch (fault) {
    case DecodeFault::kUnsupported:
      return complaint(415, "Content-Encoding is not understood: gzip, deflate or zstd is",
                       is_influx_);
    case DecodeFault::kTooLarge:
      return refuse(
          413, RejectReason::kTooLarge,
          fmt::format("the decompressed body is larger than {} bytes", options_.max_body_bytes),
          job);
    case DecodeFault::kMalformed:
      break;
  }
  return refuse(400,
                format == Format::kJson || format == Format::kLines ? RejectReason::kMalformedJson
                                                                    : RejectReason::kMalformedCsv,
                "the body is not what its Content-Encoding says", job);
}

std::expected<HttpIngest::Format, HttpResponse> HttpIngest::format_of(const Job& job) const {
  if (job.is_influx) {
    if (influx_unit_ns(job.request)) return Format::kInflux;
    return std::unexpected(complaint(400, "precision is not understood: ns, us, ms or s is", true));
  }
  const std::string type = lower_trimmed(job.request.header("Content-Type"));
  const std::string media = lower_trimmed(type.substr(0, type.find(';')));
  // What curl says of a body when it is told nothing.
  const bool is_unsaid = media.empty() || media == "application/x-www-form-urlencoded";
  if (is_unsaid || media == "application/json") return Format::kJson;
  if (media == "application/x-ndjson" || media == "application/ndjson") return Format::kLines;
  if (media == "text/csv") return Format::kCsv;
  return std::unexpected(
      complaint(415,
                fmt::format("Content-Type '{}' is not understood: application/json, "
                            "application/x-ndjson or text/csv is",
                            printable_sample(media, 80)),
                false));
}

std::expected<HttpIngest::Next, HttpResponse> HttpIngest::take_body(std::string& body,
                                                                    Format format, const Job& job) {
  const std::size_t room = std::min(options_.max_points_bytes, sink_.room_bytes());
  writer_.begin(room);
  SLIPSTREAM_FAULT("decode_body", body);
  const std::size_t points = decode(body, format, job);
  if (points == 0) {
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
  stats_.of(source_).received.add(points);
  peers_.spend(address_, points, now_);
  return Next::kHandOver;
}

std::optional<HttpResponse> HttpIngest::hand_over(Job& job) {
  Body taken{.batches = writer_.take_all(), .durability = durability_};
  std::size_t accepted = 0;
  for (const auto& batch : taken.batches) accepted += batch->points.size();
  if (accepted == 0) return outcome(400, 0);
  auto response = outcome(200, accepted);
  std::optional<AnsweredKey> key;
  if (const auto given = job.request.header(kKeyHeader); !given.empty()) {
    key = AnsweredKey{kept_key(given), unset_since(begun_, now_),
                      static_cast<std::uint16_t>(response.status), response.body};
    taken.key = &*key;
  }
  const auto offset = sink_.offer_all(taken);
  if (!offset) {
    for (auto& batch : taken.batches) writer_.pool().put(std::move(batch));
    return refuse_handed_over(offset.error(), accepted);
  }
  if (key) keys_.add(*key, *offset, now_);
  respond_when_durable(*offset, durability_, std::move(response), job);
  return std::nullopt;
}

HttpResponse HttpIngest::refuse_handed_over(Refusal refusal, std::size_t points) {
  switch (refusal) {
    case Refusal::kFull:
      return refuse_for_now(kOverloaded, points, kTooMuchWaits);
    case Refusal::kQueueFull:
      return refuse_for_now(kOverloaded, points, "a partition's queue is full: nothing was taken");
    case Refusal::kNoMemory:
      return refuse_for_now(kOverloaded, points, kNoMemory);
    case Refusal::kLogUnavailable:
      break;
  }
  return refuse_for_now(kUnavailable, points, "the log cannot be written: nothing was taken");
}

/// Answers differ by what was asked for, so that a key of one is none of the other.
std::string HttpIngest::kept_key(std::string_view given) const {
  return fmt::format("{}{}", is_influx_ ? "influx\n" : "", given);
}

HttpResponse HttpIngest::refuse_for_now(std::string_view refusal, std::size_t points,
                                        const char* message) {
  refusal_ = refusal;
  stats_.reject(source_, RejectReason::kOverloaded, points - 1);
  rejected(0, {RejectReason::kOverloaded, message}, "");
  error_count_ += points - 1;
  auto response = outcome(503, 0);
  response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  return response;
}

void HttpIngest::respond_when_durable(LogOffset offset, Durability durability,
                                      HttpResponse response, const Job& job) {
  sink_.when_durable(
      offset, durability,
      [respond = job.respond, is_influx = job.is_influx,
       response = std::move(response)](bool is_durable) mutable {
        if (!is_durable && is_influx) {
          response = influx_answer(503, "the log cannot be written: the points are not safe");
        } else if (!is_durable) {
          response = {.status = 503,
                      .body = R"({"ok":false,"accepted":0,"rejected":0,"errors":[{"index":0,)"
                              R"("reason":"overloaded","message":"the log cannot be written: )"
                              R"(the points were taken but are not safe; with an )"
                              R"(Idempotency-Key they can be sent again"}]})"};
        }
        if (!is_durable) response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
        respond({std::move(response), is_durable ? std::string_view{} : kUnavailable});
      });
}

std::size_t HttpIngest::decode(std::string_view body, Format format, const Job& job) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return 0;
  const std::string peer = "http:" + job.request.address;
  const std::string track(job.request.query_value("track").value_or(""));
  TextOrigin origin{
      .source = source_, .arrival = job.arrival, .peer = peer, .is_body = true, .track = track};
  if (format == Format::kInflux) {
    origin.timestamp_unit_ns = influx_unit_ns(job.request).value_or(1);
  }
  return decoders_[static_cast<std::size_t>(format)]->decode(body, origin, *this);
}

HttpResponse HttpIngest::refuse_denied(const Job& job) {
  const Denial denial = job.request.denied;
  auto response = refuse(
      denial_status(denial),
      denial == Denial::kRateLimited ? RejectReason::kRateLimited : RejectReason::kUnauthorized,
      std::string(denial_message(denial)), job);
  add_denial_headers(denial, response);
  return response;
}

void HttpIngest::rejected(std::size_t index, const Rejection& rejection, std::string_view sample) {
  stats_.reject(source_, rejection.reason);
  peers_.report(address_, rejection, sample, now_);
  if (error_count_ == 0) {
    first_error_ =
        fmt::format("point {}: {}: {}", index, to_string(rejection.reason), rejection.message);
  }
  if (++error_count_ > kMaxErrors) return;
  if (error_count_ > 1) errors_ += ',';
  fmt::format_to(std::back_inserter(errors_), R"({{"index":{},"reason":"{}","message":)", index,
                 to_string(rejection.reason));
  append_json_string(errors_, rejection.message);
  errors_ += '}';
}

HttpResponse HttpIngest::refuse(unsigned status, RejectReason reason, std::string message,
                                const Job& job) {
  stats_.of(source_).received.add();
  if (status != 400) refusal_ = to_string(reason);
  rejected(0, {reason, std::move(message)},
           std::string_view(job.request.body).substr(0, PeerTable::kMaxSampleBytes));
  return outcome(status, 0);
}

HttpResponse HttpIngest::outcome(unsigned status, std::size_t accepted) const {
  if (is_influx_) {
    if (status == 200 && error_count_ == 0) return influx_answer(204, "");
    if (status != 200) return influx_answer(status, first_error_);
    return influx_answer(400, fmt::format("partial write: {} of {} points refused; {}",
                                          error_count_, accepted + error_count_, first_error_));
  }
  return {.status = status,
          .body = fmt::format(R"({{"ok":{},"accepted":{},"rejected":{},"errors":[{}]}})",
                              status == 200, accepted, error_count_, errors_)};
}

HttpResponse HttpIngest::complaint(unsigned status, std::string_view message, bool is_influx) {
  return is_influx ? influx_answer(status, message) : error_response(status, message);
}

}  // namespace slipstream
