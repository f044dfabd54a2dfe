#include "codec/mark_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/iso_time.h"
#include "codec/event_time.h"
#include "codec/json_scan.h"

namespace slipstream {
namespace {

constexpr std::string_view kUsualKind = "note";

struct TextMember {
  std::string_view name;
  std::string Mark::* member;
  std::size_t max_bytes;
};
constexpr TextMember kTexts[] = {{"track", &Mark::track, kMaxMarkNameBytes},
                                 {"session", &Mark::session, kMaxMarkNameBytes},
                                 {"chassis", &Mark::chassis, kMaxMarkNameBytes},
                                 {"car", &Mark::chassis, kMaxMarkNameBytes},
                                 {"kind", &Mark::kind, kMaxMarkKindBytes},
                                 {"text", &Mark::text, kMaxMarkTextBytes},
                                 {"goes_on_from", &Mark::goes_on_from, kMaxMarkNameBytes}};

constexpr std::pair<std::string_view, std::optional<double> Mark::*> kSeconds[] = {
    {"session_time_s", &Mark::session_time_s}, {"to_session_time_s", &Mark::to_session_time_s}};

bool is_control(char c) {
  constexpr unsigned char kDelete = 0x7f;
  const auto byte = static_cast<unsigned char>(c);
  return byte < ' ' || byte == kDelete;
}

bool is_of_kind(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

std::expected<void, Rejection> take_text(const TextMember& row, const simdjson::dom::element& value,
                                         Mark& mark) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) {
    return reject(RejectReason::kOutOfRange, fmt::format("'{}' of a mark is a string", row.name));
  }
  if (text.size() > row.max_bytes) {
    return reject(RejectReason::kTooLarge,
                  fmt::format("'{}' of a mark has at most {} bytes", row.name, row.max_bytes));
  }
  if (std::ranges::any_of(text, is_control)) {
    return reject(
        RejectReason::kOutOfRange,
        fmt::format("'{}' of a mark has no control characters, line ends neither", row.name));
  }
  mark.*row.member = text;
  return {};
}

/// `literal`: as it stands in the text, where a number has all of its digits.
std::expected<void, Rejection> take_time(const simdjson::dom::element& value,
                                         std::string_view literal, Mark& mark) {
  std::string_view text;
  const auto ns =
      value.get(text) == simdjson::SUCCESS ? parse_iso_time(text) : time_from_number(literal);
  if (!ns) {
    return reject(RejectReason::kBadTime,
                  "'time' of a mark is ISO 8601, or a number since 1970 as in a point");
  }
  mark.time = {*ns};
  return {};
}

/// Of the session's clock, as games tell it; nothing: it is none of these.
std::optional<std::expected<void, Rejection>> take_number(std::string_view name,
                                                          const simdjson::dom::element& value,
                                                          Mark& mark) {
  if (name == "frame") {
    std::uint64_t frame = 0;
    if (value.get(frame) != simdjson::SUCCESS) {
      return reject(RejectReason::kBadNumber, "'frame' of a mark is a whole number from 0");
    }
    mark.frame = frame;
    return std::expected<void, Rejection>();
  }
  for (const auto& [known, member] : kSeconds) {
    if (name != known) continue;
    double seconds = 0;
    if (value.get(seconds) != simdjson::SUCCESS) {
      return reject(RejectReason::kBadNumber,
                    fmt::format("'{}' of a mark is a number of seconds", name));
    }
    mark.*member = seconds;
    return std::expected<void, Rejection>();
  }
  return std::nullopt;
}

std::expected<void, Rejection> look_at_whole(const Mark& mark) {
  if (mark.track.empty() && mark.session.empty()) {
    return reject(RejectReason::kMissingDimension, "a mark needs a 'track' or a 'session'");
  }
  if (!std::ranges::all_of(mark.kind, is_of_kind)) {
    return reject(RejectReason::kOutOfRange, "'kind' of a mark has small letters, digits and _");
  }
  const bool may_go_back = mark.kind == "flashback" || mark.kind == "save_reload";
  if (mark.to_session_time_s && !may_go_back) {
    return reject(RejectReason::kOutOfRange,
                  "'to_session_time_s' is of a mark of the kind 'flashback' or 'save_reload'");
  }
  if (mark.kind == kUsualKind && mark.text.empty()) {
    return reject(RejectReason::kEmpty, "a note needs a 'text'");
  }
  return {};
}

}  // namespace

std::size_t MarkDecoder::decode(std::string_view bytes, const TextOrigin& origin,
                                RejectionSink& rejections) {
  took_last_ = false;
  const std::string_view text = json_trimmed(bare_text(bytes));
  if (text.empty()) return 0;
  if (const auto taken = reader_.take(text, origin); !taken) {
    rejections.rejected(0, taken.error(), bytes);
    return 1;
  }
  took_last_ = true;
  return 0;
}

std::expected<void, Rejection> MarkReader::take(std::string_view text, const TextOrigin& origin) {
  const auto mark = builder_.takes_marks()
                        ? read(text, origin)
                        : reject(RejectReason::kOutOfRange, "it is a mark: here points are taken");
  if (mark) {
    builder_.mark(*mark);
    return {};
  }
  if (origin.is_counted) builder_.stats().marks_refused.add();
  return std::unexpected(mark.error());
}

std::expected<Mark, Rejection> MarkReader::read(std::string_view text, const TextOrigin& origin) {
  simdjson::dom::element root;
  if (const auto failed = parser_.parse(text.data(), text.size()).get(root)) {
    return reject(RejectReason::kMalformedJson,
                  fmt::format("a mark is a JSON object: {}", simdjson::error_message(failed)));
  }
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) {
    return reject(RejectReason::kNotAnObject, "a mark is a JSON object, one at a time");
  }
  Mark mark{.time = {origin.default_event_ns()}, .arrival = origin.arrival};
  if (!object["car"].error() && !object["chassis"].error()) {
    return reject(RejectReason::kOutOfRange,
                  "a mark is about one machine: 'car' is another word for 'chassis'");
  }
  for (const auto [name, value] : object) {
    std::expected<void, Rejection> taken;
    if (value.is_null()) continue;
    const auto* row = std::ranges::find(kTexts, name, &TextMember::name);
    if (row != std::end(kTexts)) {
      taken = take_text(*row, value, mark);
    } else if (name == "time") {
      taken = take_time(value, json_member(text, "time"), mark);
    } else if (auto number = take_number(name, value, mark)) {
      taken = std::move(*number);
    } else if (std::string_view type;
               name != "type" || value.get(type) != simdjson::SUCCESS || type != "mark") {
      taken = reject(RejectReason::kOutOfRange,
                     "a mark has 'time', 'track', 'session', 'chassis', 'kind' and 'text', what "
                     "games tell beside ('session_time_s', 'frame', 'to_session_time_s', "
                     "'goes_on_from'), and 'type' \"mark\"");
    }
    if (!taken) return std::unexpected(taken.error());
  }
  if (mark.kind.empty()) mark.kind = kUsualKind;
  const std::int64_t skew_ns = builder_.schema().options().future_skew_ms * kNsPerMs;
  if (!origin.is_admitted && mark.time.ns > origin.arrival.ns + skew_ns) {
    return reject(RejectReason::kFutureTime, "'time' of a mark is ahead of the server's clock");
  }
  if (auto looked = look_at_whole(mark); !looked) return std::unexpected(looked.error());
  return mark;
}

}  // namespace slipstream
