#include "source/http_ingest.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/letter_case.h"
#include "net/http_guard.h"
#include "source/influx_answer.h"

namespace slipstream {
namespace {

constexpr std::string_view kKeyHeader = "Idempotency-Key";
constexpr std::string_view kTraceHeader = "traceparent";

std::string lower_trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  std::string out(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
  std::ranges::transform(out, out.begin(), small_letter);
  return out;
}

/// The decoder of a media type; "": it is not understood.
std::string_view decoder_of(std::string_view media) {
  static constexpr std::pair<std::string_view, std::string_view> kDecoders[] = {
      {"", "json"},
      {"application/x-www-form-urlencoded", "json"},  // what curl says when it is told nothing
      {"application/json", "json"},
      {"application/x-ndjson", "ndjson"},
      {"application/ndjson", "ndjson"},
      {"text/csv", "table"},
  };
  const auto* known =
      std::ranges::find(kDecoders, media, &std::pair<std::string_view, std::string_view>::first);
  return known == std::end(kDecoders) ? std::string_view{} : known->second;
}

std::optional<bool> flag(const HttpRequest& request, std::string_view name, bool otherwise) {
  const auto given = request.query_value(name);
  if (!given) return otherwise;
  if (*given == "true") return true;
  if (*given == "false") return false;
  return std::nullopt;
}

/// Of one that is there more than once nobody knows which is meant: it is none.
std::string traceparent_of(const HttpRequest& request) {
  const auto given = request.header_count(kTraceHeader);
  return given > 1 ? "several" : std::string(request.header(kTraceHeader));
}

/// What the doors have in common.
IngestRequest translated(const IngestService& service, HttpRequest request) {
  IngestRequest out;
  out.encoding = lower_trimmed(request.header("Content-Encoding"));
  out.track = request.query_value("track").value_or("");
  out.address = request.address;
  out.denied = request.denied;
  out.key = request.header(kKeyHeader);
  if (service.is_traced()) out.traceparent = traceparent_of(request);
  if (const auto given = request.query_value("durability")) {
    if (const auto level = service.durability_named(*given)) {
      out.durability = *level;
    } else {
      out.fault = level.error();
    }
  }
  if (!out.fault && request.header_count(kKeyHeader) > 1) {
    out.fault = {RejectReason::kOutOfRange, fmt::format("{} is there twice", kKeyHeader)};
  }
  out.body = std::move(request.body);
  return out;
}

void submit(IngestService& service, IngestRequest request, HttpResponder respond) {
  service.submit(std::move(request), [respond = std::move(respond)](IngestAnswer answer) {
    HttpResponse response{
        .status = answer.status, .body = std::move(answer.body), .error = std::move(answer.error)};
    if (!answer.retry_after.empty()) {
      response.headers.emplace_back("Retry-After", std::move(answer.retry_after));
    }
    if (answer.is_replayed) response.headers.emplace_back("Idempotency-Replayed", "true");
    if (answer.denied != Denial::kNone) add_denial_headers(answer.denied, response);
    respond(std::move(response));
  });
}

}  // namespace

void take_ingest(IngestService& service, HttpRequest request, HttpResponder respond) {
  const std::string type = lower_trimmed(request.header("Content-Type"));
  const std::string media = lower_trimmed(type.substr(0, type.find(';')));
  IngestRequest taken = translated(service, std::move(request));
  taken.decoder = decoder_of(media);
  if (taken.decoder.empty()) {
    taken.complaint = {415, fmt::format("Content-Type '{}' is not understood: application/json, "
                                        "application/x-ndjson or text/csv is",
                                        printable_sample(media, 80))};
  }
  submit(service, std::move(taken), std::move(respond));
}

void take_mark(IngestService& service, HttpRequest request, HttpResponder respond) {
  const std::string type = lower_trimmed(request.header("Content-Type"));
  const std::string media = lower_trimmed(type.substr(0, type.find(';')));
  IngestRequest taken = translated(service, std::move(request));
  taken.form = &mark_answers();
  taken.decoder = "mark";
  if (decoder_of(media) != "json") {
    taken.complaint = {415, fmt::format("Content-Type '{}' is not understood: application/json is",
                                        printable_sample(media, 80))};
  }
  submit(service, std::move(taken), std::move(respond));
}

void take_influx_write(IngestService& service, InfluxApi api, HttpRequest request,
                       HttpResponder respond) {
  const auto unit_ns = influx_unit_ns(api, request);
  const auto accept_partial = flag(request, "accept_partial", true);
  const auto no_sync = flag(request, "no_sync", false);
  IngestRequest taken = translated(service, std::move(request));
  taken.form = &influx_answers(api);
  taken.decoder = "line";
  if (unit_ns) {
    taken.timestamp_unit_ns = *unit_ns;
  } else {
    taken.complaint = {400, fmt::format("precision is not understood: {} is", influx_units(api))};
  }
  if (api == InfluxApi::kV3) {
    if (!accept_partial || !no_sync) {
      taken.complaint = {400, "accept_partial and no_sync are true or false"};
    }
    taken.takes_part = accept_partial.value_or(true);
    if (no_sync.value_or(false)) taken.durability = Durability::kReceived;
  }
  submit(service, std::move(taken), std::move(respond));
}

}  // namespace slipstream
