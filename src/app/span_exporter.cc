#include "app/span_exporter.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <future>
#include <thread>
#include <utility>

#include "base/check.h"
#include "net/answer_coding.h"
#include "source/peer_table.h"

namespace slipstream {
namespace {

constexpr std::size_t kSampleBytes = 200;

/// What OTLP says may be sent again.
bool may_be_sent_again(unsigned status) {
  return status == 429 || (status >= 502 && status <= 504);
}

struct Rejected {
  std::uint64_t spans = 0;
  std::string why = {};
};

/// Of an ExportTraceServiceResponse. A number of 64 bits may be a string.
Rejected rejected_in(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::element partial;
  Rejected rejected;
  if (parser.parse(body)["partialSuccess"].get(partial) != simdjson::SUCCESS) return rejected;
  std::string_view text;
  if (partial["rejectedSpans"].get(rejected.spans) != simdjson::SUCCESS &&
      partial["rejectedSpans"].get(text) == simdjson::SUCCESS) {
    std::from_chars(text.data(), text.data() + text.size(), rejected.spans);
  }
  if (partial["errorMessage"].get(text) == simdjson::SUCCESS) {
    rejected.why = printable_sample(text, kSampleBytes);
  }
  return rejected;
}

}  // namespace

Result<std::unique_ptr<SpanExporter>> SpanExporter::make(Tracer& tracer, Options options,
                                                         const Clock& clock, Warn warn) {
  HttpClient::Options http;
  http.timeout = options.timeout;
  http.connect_timeout = std::min(http.connect_timeout, options.timeout);
  http.ca_file = options.ca_file;
  auto client = HttpClient::make(options.url, std::move(http), clock);
  if (!client) return std::unexpected(client.error());
  return std::unique_ptr<SpanExporter>(
      new SpanExporter(tracer, std::move(options), std::move(*client), clock, std::move(warn)));
}

SpanExporter::SpanExporter(Tracer& tracer, Options options, std::unique_ptr<HttpClient> http,
                           const Clock& clock, Warn warn)
    : tracer_(tracer),
      options_(std::move(options)),
      http_(std::move(http)),
      clock_(clock),
      warn_(std::move(warn)) {
  tracer_.when_many_wait([this] { wake(); });
}

SpanExporter::~SpanExporter() {
  stop(std::chrono::milliseconds(0));
  tracer_.when_many_wait(nullptr);
}

void SpanExporter::start() {
  thread_ = std::make_unique<AgentThread>("trace-export", *this);
}

void SpanExporter::stop(std::chrono::milliseconds limit) {
  if (!thread_) return;
  std::promise<void> ended;
  std::jthread last([&] {
    thread_->stop(false);
    send_last();
    ended.set_value();
  });
  if (ended.get_future().wait_for(limit) != std::future_status::ready) http_->interrupt();
  last.join();
  thread_.reset();
}

void SpanExporter::send_last() {
  retry_at_ = kNever;
  while (send()) {
    if (batch_.empty() && tracer_.waiting() == 0) return;
  }
  do {
    stats_.dropped_unreachable.add(batch_.size());
    batch_.clear();
    tracer_.take(batch_, kBatchSpans);
  } while (!batch_.empty());
}

std::size_t SpanExporter::poll(std::size_t budget) {
  if (clock_.steady() < retry_at_) return 0;
  // Less than the budget would be taken for "nothing is left", and slept on.
  return send() && tracer_.waiting() >= kBatchSpans ? budget : 0;
}

SpanExporter::Limit SpanExporter::idle_limit() {
  if (batch_.empty()) return kLongestIdle;
  return Limit(std::clamp<std::int64_t>(retry_at_ - clock_.steady(), 0, kLongestIdle.count()));
}

bool SpanExporter::send() {
  if (batch_.empty()) tracer_.take(batch_, kBatchSpans);
  if (batch_.empty()) return true;
  std::chrono::milliseconds pause{0};
  switch (ask(pause)) {
    case Outcome::kDone:
      break;
    case Outcome::kRefused:
      stats_.dropped_refused.add(batch_.size());
      break;
    case Outcome::kAgain:
      retry_at_ = clock_.steady() + pause.count() * kNsPerMs;
      if (tries_ < kMostTries) return false;
      stats_.dropped_unreachable.add(batch_.size());
      break;
  }
  batch_.clear();
  tries_ = 0;
  return true;
}

SpanExporter::Outcome SpanExporter::ask(std::chrono::milliseconds& pause) {
  std::string body = otlp_json(options_.resource, batch_);
  HttpClient::Headers headers = options_.headers;
  headers.emplace_back("Content-Type", "application/json");
  if (options_.compresses) {
    body = gzipped(body);
    headers.emplace_back("Content-Encoding", "gzip");
  }
  const auto reply = http_->ask({"POST", options_.url.path, headers, body});
  if (!reply) {
    // Where the breaker is open nobody was asked, and why that is has been told.
    const bool was_asked = reply.error().code != ErrorCode::kRefused;
    if (was_asked) failed(reply.error().message);
    tries_ += was_asked ? 1 : 0;
    pause = std::max(backoff_.next(), std::chrono::milliseconds(breaker().retry_in_ms()));
    return Outcome::kAgain;
  }
  if (reply->status / 100 == 2) {
    judge_taken(*reply);
    return Outcome::kDone;
  }
  failed(fmt::format("it answered {}: {}", reply->status,
                     printable_sample(reply->body, kSampleBytes)));
  if (!may_be_sent_again(reply->status)) return Outcome::kRefused;
  ++tries_;
  const auto asked = std::min(reply->retry_after.value_or(std::chrono::seconds(0)), kLongestPause);
  pause = std::max<std::chrono::milliseconds>(backoff_.next(), asked);
  return Outcome::kAgain;
}

void SpanExporter::judge_taken(const HttpReply& reply) {
  const Rejected rejected = rejected_in(reply.body);
  const std::uint64_t refused = std::min<std::uint64_t>(rejected.spans, batch_.size());
  stats_.dropped_refused.add(refused);
  stats_.exported.add(batch_.size() - refused);
  succeeded();
  if (refused == 0) return;
  const std::lock_guard lock(mutex_);
  last_error_ = fmt::format("it refused {} spans: {}", refused, rejected.why);
}

void SpanExporter::succeeded() {
  backoff_.reset();
  if (stats_.failing.value() == 0) return;
  stats_.failing.set(0);
  warn_(fmt::format("spans can be sent to {} again", url().server()));
}

void SpanExporter::failed(std::string why) {
  stats_.failures.add();
  if (stats_.failing.value() == 0) {
    stats_.failing.set(1);
    warn_(fmt::format("spans cannot be sent to {}, they are dropped where too many wait: {}",
                      url().server(), why));
  }
  const std::lock_guard lock(mutex_);
  last_error_ = std::move(why);
}

std::string SpanExporter::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

}  // namespace slipstream
