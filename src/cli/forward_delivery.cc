#include "cli/forward_delivery.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

#include "ops/logging.h"
#include "source/peer_table.h"

namespace slipstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kSampleBytes = 200;
constexpr std::chrono::seconds kBetweenWarnings{60};
constexpr std::chrono::seconds kLongestPause{60};

struct Counts {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::string why = {};
};

/// What our servers say of a body; nothing: it is no answer of theirs.
std::optional<Counts> counts_of(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::element said;
  Counts counts;
  if (parser.parse(body).get(said) != simdjson::SUCCESS ||
      said["accepted"].get(counts.accepted) != simdjson::SUCCESS ||
      said["rejected"].get(counts.refused) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  std::string_view reason;
  std::string_view message;
  const auto first = said["errors"].at(0);
  if (first["reason"].get(reason) == simdjson::SUCCESS &&
      first["message"].get(message) == simdjson::SUCCESS) {
    counts.why = fmt::format("{}: {}", reason, printable_sample(message, kSampleBytes));
  }
  return counts;
}

bool may_pass(unsigned status) {
  return status == 429 || status == 408 || status >= 500;
}

}  // namespace

Result<std::unique_ptr<BodyDelivery>> BodyDelivery::make(Options options, StopSignal& stop) {
  HttpClient::Options http;
  http.ca_file = options.ca_file;
  // However long a body takes on a slow link.
  http.waits_while_it_moves = true;
  // It has its own pace: see wait().
  http.breaker.failures = std::numeric_limits<int>::max();
  auto client = HttpClient::make(options.url, std::move(http));
  if (!client) return std::unexpected(client.error());
  return std::unique_ptr<BodyDelivery>(
      new BodyDelivery(std::move(options), std::move(*client), stop));
}

BodyDelivery::BodyDelivery(Options options, std::unique_ptr<HttpClient> http, StopSignal& stop)
    : options_(std::move(options)),
      server_(options_.url.server()),
      http_(std::move(http)),
      stop_(stop) {}

HttpClient::Headers BodyDelivery::headers() const {
  if (options_.token.empty()) return {};
  return {{"Authorization", "Bearer " + options_.token}};
}

std::string BodyDelivery::target(std::string_view path) const {
  std::string target = options_.url.path;
  if (target.ends_with('/')) target.pop_back();
  return target.append(path);
}

Result<bool> BodyDelivery::is_another() {
  if (is_known_another_ || options_.instance.empty()) return true;
  const auto reply = http_->ask({"GET", target("/api/health"), headers()});
  if (!reply) return std::unexpected(reply.error());
  simdjson::dom::parser parser;
  std::string_view instance;
  if (parser.parse(reply->body)["instance"].get(instance) == simdjson::SUCCESS &&
      instance == options_.instance) {
    return false;
  }
  // One that does not tell is another one, as far as anybody knows.
  if (may_pass(reply->status) && instance.empty()) {
    return fail(fmt::format("it answered {}", reply->status));
  }
  is_known_another_ = true;
  return true;
}

DeliveryResult BodyDelivery::deliver(std::string_view lines, std::size_t items,
                                     const std::string& key) {
  const SampledTracePtr sampled = options_.tracer == nullptr ? nullptr : options_.tracer->begin();
  const SteadyTime begun = system_clock().steady();
  auto headers = this->headers();
  if (sampled) headers.emplace_back("traceparent", sampled->traceparent());
  headers.emplace_back("Content-Type", "application/x-ndjson");
  headers.emplace_back("Idempotency-Key", key);
  std::string_view body = lines;
  if (options_.compress) {
    packed_.resize(ZSTD_compressBound(lines.size()));
    const auto size = ZSTD_compress(packed_.data(), packed_.size(), lines.data(), lines.size(),
                                    ZSTD_CLEVEL_DEFAULT);
    if (ZSTD_isError(size) == 0) {
      body = std::string_view(packed_).substr(0, size);
      headers.emplace_back("Content-Encoding", "zstd");
    }
  }
  auto result = deliver_with(std::move(headers), body, items);
  if (sampled) {
    const bool is_taken = result.outcome == DeliveryResult::Outcome::kTaken;
    sampled->root(kForwardSpan, SpanKind::kClient, sampled->since(begun),
                  {{kPointsAttribute, attribute_of(items)},
                   {kBytesAttribute, attribute_of(body.size())},
                   {kTriesAttribute, attribute_of(tries_)}},
                  is_taken ? std::string() : "not taken: " + result.why);
  }
  return result;
}

DeliveryResult BodyDelivery::deliver_with(HttpClient::Headers headers, std::string_view body,
                                          std::size_t items) {
  const std::string target = this->target("/api/ingest?durability=fsynced");
  begun_ = told_ = steady_clock::now();
  took_ = {};
  for (tries_ = 1;; ++tries_) {
    if (stop_.is_stopped()) return {.outcome = DeliveryResult::Outcome::kStopped};
    const auto is_other = is_another();
    if (is_other && !*is_other) {
      return {.outcome = DeliveryResult::Outcome::kRefused,
              .why = server_ + " is the server whose log this is"};
    }
    const auto asked = steady_clock::now();
    const auto reply = is_other ? http_->ask({"POST", target, headers, body})
                                : Result<HttpReply>(std::unexpected(is_other.error()));
    milliseconds pause{0};
    std::string why;
    if (!reply) {
      why = reply.error().message;
    } else if (may_pass(reply->status)) {
      why = fmt::format("it answered {}: {}", reply->status,
                        printable_sample(reply->body, kSampleBytes));
      pause = std::min(reply->retry_after.value_or(std::chrono::seconds(0)), kLongestPause);
    } else {
      if (tries_ > 1) {
        log_info("it answers again", {{"to", server_}, {"tries", std::to_string(tries_)}});
      }
      backoff_.reset();
      took_ = std::chrono::duration_cast<milliseconds>(steady_clock::now() - asked);
      return judge(*reply, items);
    }
    if (pause == milliseconds(0)) pause = backoff_.next();
    if (!wait(pause, why)) {
      return {.outcome = stop_.is_stopped() ? DeliveryResult::Outcome::kStopped
                                            : DeliveryResult::Outcome::kGaveUp,
              .why = std::move(why)};
    }
  }
}

DeliveryResult BodyDelivery::judge(const HttpReply& reply, std::size_t items) const {
  using enum DeliveryResult::Outcome;
  if (reply.status == 413 && items > 1) return {.outcome = kTooLarge};
  const auto said = counts_of(reply.body);
  // One point is as small as it gets.
  if (reply.status == 413) return {.refused = items, .why = "it is too large for the server"};
  // One that refuses all of them has looked at each: they can never be taken. Whatever else it
  // refuses for is no fault of theirs.
  const bool is_of_all = said && said->accepted <= items && said->refused == items - said->accepted;
  const bool refuses_all = reply.status == 400 && is_of_all && said->accepted == 0;
  if ((reply.status == 200 && is_of_all) || refuses_all) {
    return {.refused = said->refused, .why = said->why};
  }
  return {.outcome = kRefused,
          .why = fmt::format("{} answered {}: {}", server_, reply.status,
                             printable_sample(reply.body, kSampleBytes))};
}

bool BodyDelivery::wait(milliseconds pause, std::string_view why) {
  const auto now = steady_clock::now();
  if (options_.patience.count() > 0 && now + pause > begun_ + options_.patience) return false;
  if (tries_ == 1 || now - told_ >= kBetweenWarnings) {
    told_ = now;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - begun_).count();
    log_warn("points do not get there; they wait in the log",
             {{"to", server_}, {"for_s", std::to_string(seconds)}, {"why", std::string(why)}});
  }
  return stop_.sleep(pause);
}

}  // namespace slipstream
