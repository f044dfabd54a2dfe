#include "tracing/otlp_json.h"

#include "base/object_writer.h"

namespace slipstream {
namespace {

constexpr int kStatusError = 2;

/// Writes a JSON array, item by item.
template <typename Items, typename Write>
void write_list(std::string& out, const Items& items, Write write) {
  out += '[';
  bool is_first = true;
  for (const auto& item : items) {
    if (!std::exchange(is_first, false)) out += ',';
    write(item);
  }
  out += ']';
}

void write_attribute(std::string& out, std::string_view name, const std::string& text) {
  ObjectWriter attribute(out);
  attribute.text("key", name);
  ObjectWriter(attribute.key("value")).text("stringValue", text);
}

void write_attribute(std::string& out, std::string_view name, std::int64_t number) {
  ObjectWriter attribute(out);
  attribute.text("key", name);
  ObjectWriter(attribute.key("value")).text("intValue", std::to_string(number));
}

void write_span(std::string& out, const TraceSpan& span) {
  ObjectWriter object(out);
  object.text("traceId", span.trace.text());
  object.text("spanId", span.id.text());
  if (span.parent.is_valid()) object.text("parentSpanId", span.parent.text());
  object.text("name", span.name);
  object.number("kind", static_cast<int>(span.kind));
  object.text("startTimeUnixNano", std::to_string(span.times.start_ns));
  object.text("endTimeUnixNano", std::to_string(span.times.end_ns));
  write_list(object.key("attributes"), span.attributes, [&](const SpanAttribute& attribute) {
    std::visit([&](const auto& value) { write_attribute(out, attribute.first, value); },
               attribute.second);
  });
  if (span.error.empty()) return;
  ObjectWriter status(object.key("status"));
  status.number("code", kStatusError);
  status.text("message", span.error);
}

}  // namespace

std::string otlp_json(const ResourceAttributes& resource, std::span<const TraceSpan> spans) {
  std::string out = R"({"resourceSpans":[{"resource":{"attributes":)";
  write_list(out, resource, [&](const auto& attribute) {
    write_attribute(out, attribute.first, attribute.second);
  });
  out += R"(},"scopeSpans":[{"scope":{"name":"slipstream"},"spans":)";
  write_list(out, spans, [&](const TraceSpan& span) { write_span(out, span); });
  out += "}]}]}";
  return out;
}

}  // namespace slipstream
