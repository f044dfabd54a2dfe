#include "codec/format_decoder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/number_text.h"
#include "codec/event_time.h"

namespace slipstream {
namespace {

using game::PackedField;
using game::PackedFormat;
using game::PackedReader;
using game::Template;
using game::Wire;

/// Up to the first NUL, without control characters and blanks at its end, and UTF-8: what is none
/// becomes '?'.
void clean_into(std::string_view raw, std::string& out) {
  constexpr char kDelete = 0x7f;
  out = raw.substr(0, raw.find('\0'));
  std::erase_if(out, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == kDelete; });
  while (out.ends_with(' ')) out.pop_back();
  if (simdjson::validate_utf8(out.data(), out.size())) return;
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
}

/// Of "udp:ADDRESS:PORT" the address: a microcontroller has another port after each start.
std::string_view address_in(std::string_view peer) {
  if (peer.starts_with("udp:")) peer.remove_prefix(4);
  return peer.substr(0, peer.rfind(':'));
}

/// As 64 bits with a sign; nothing where they do not hold it.
std::optional<std::int64_t> whole_number(const PackedReader& bytes, Wire wire, std::size_t offset) {
  if (wire == Wire::kI64) return bytes.read<std::int64_t>(offset);
  if (wire == Wire::kU64) {
    const auto number = bytes.read<std::uint64_t>(offset);
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
    return static_cast<std::int64_t>(number);
  }
  return static_cast<std::int64_t>(game::raw_number(bytes, wire, offset));
}

std::optional<double> divisor_of(double scale) {
  constexpr double kMost = 1e15;  // exact, as are all whole numbers below
  const double divisor = std::round(1 / scale);
  if (!(std::abs(divisor) > 1 && std::abs(divisor) <= kMost && 1 / divisor == scale)) {
    return std::nullopt;
  }
  return divisor;
}

}  // namespace

FormatDecoder::FormatDecoder(DraftFiller& filler, std::shared_ptr<const PackedFormats> formats)
    : filler_(filler), formats_(std::move(formats)) {
  CHECK(!formats_->empty(), "a decoder of formats has some");
}

FormatDecoder::Plan FormatDecoder::plan_of(const PackedFormat& format) const {
  const auto& names = filler_.builder().schema().options();
  Plan plan{.format = &format, .fields = {}, .track = {}, .chassis = {}, .present = kAlways};
  for (const auto& field : format.fields) {
    const Use use = field.name == names.time      ? Use::kTime
                    : field.name == names.track   ? Use::kTrack
                    : field.name == names.chassis ? Use::kChassis
                                                  : Use::kMember;
    if (field.name == format.present) plan.present = plan.fields.size();
    plan.fields.push_back({filler_.members().copy_of(field.name), use, divisor_of(field.scale)});
  }
  const auto parse = [&](const std::string& text, Use use, std::string_view usual) {
    const auto of_it = std::ranges::find(plan.fields, use, &Field::use);
    if (text.empty() && of_it != plan.fields.end()) {
      return Template{{{.kind = Template::Kind::kField,
                        .field = static_cast<std::size_t>(of_it - plan.fields.begin())}}};
    }
    auto parsed = game::parse_template(text.empty() ? usual : std::string_view(text), format);
    CHECK(parsed.has_value(), "formats are checked before they are decoded");
    return std::move(*parsed);
  };
  plan.track = parse(format.track, Use::kTrack, {});
  plan.chassis =
      parse(format.chassis, Use::kChassis, format.count > 0 ? "car {index}" : "{sender}");
  return plan;
}

bool FormatDecoder::fits(const PackedFormat& format, std::string_view bytes) {
  if (bytes.size() != format.size) return false;
  const PackedReader reader(bytes, format.order);
  return std::ranges::all_of(format.tests, [&](const game::PackedTest& test) {
    if (const auto* text = std::get_if<std::string>(&test.equals)) {
      return reader.text(test.offset, text->size()) == *text;
    }
    if (const auto* whole = std::get_if<std::int64_t>(&test.equals);
        whole != nullptr && game::is_whole(*test.wire)) {
      return whole_number(reader, *test.wire, test.offset) == *whole;
    }
    const double wanted = std::holds_alternative<double>(test.equals)
                              ? std::get<double>(test.equals)
                              : static_cast<double>(std::get<std::int64_t>(test.equals));
    return game::raw_number(reader, *test.wire, test.offset) == wanted;
  });
}

std::size_t FormatDecoder::decode(std::string_view bytes, const TextOrigin& origin,
                                  RejectionSink& rejections) {
  if (plans_.empty()) {
    for (const auto& format : *formats_) plans_.push_back(plan_of(format));
  }
  kept_last_ = false;
  if (bytes.empty()) {
    rejections.rejected(0, {RejectReason::kEmpty, "an empty datagram"}, bytes);
    return 1;
  }
  const auto plan =
      std::ranges::find_if(plans_, [&](const Plan& p) { return fits(*p.format, bytes); });
  if (plan == plans_.end()) {
    rejections.rejected(
        0,
        {RejectReason::kUnknownFormat,
         fmt::format("{} bytes that are no datagram of the format '{}': it has {}{}", bytes.size(),
                     formats_->front().name, formats_->front().size,
                     formats_->size() > 1 ? ", or another size of its name" : "")},
        bytes);
    return 1;
  }
  const PackedReader reader(bytes, plan->format->order);
  const auto& names = filler_.builder().schema().options();
  std::size_t points = 0;
  for (std::size_t car = 0; car < plan->format->cars(); ++car) {
    read_all(*plan, reader, car);
    if (plan->present != kAlways &&
        !(values_[plan->present].is_there && values_[plan->present].number != 0)) {
      continue;
    }
    const auto sender = address_in(origin.peer.text());
    chassis_.clear();
    auto told = write(plan->track, sender, car, names.track, track_);
    if (told) told = write(plan->chassis, sender, car, names.chassis, chassis_);
    if (told) told = fill(*plan, origin);
    if (!told) rejections.rejected(points, told.error(), chassis_);
    ++points;
  }
  kept_last_ = points == 0;
  return points;
}

void FormatDecoder::read_all(const Plan& plan, const PackedReader& bytes, std::size_t car) {
  const PackedFormat& format = *plan.format;
  if (values_.size() < format.fields.size()) values_.resize(format.fields.size());
  const std::size_t begin = format.count == 0 ? 0 : format.base + car * format.stride;
  for (std::size_t i = 0; i < format.fields.size(); ++i) {
    const PackedField& field = format.fields[i];
    read(bytes, field, plan.fields[i].divisor, field.is_in_header ? 0 : begin, values_[i]);
  }
}

void FormatDecoder::read(const PackedReader& bytes, const PackedField& field,
                         std::optional<double> divisor, std::size_t car, Value& value) {
  value.is_there = value.is_text = value.is_raw = false;
  value.number = 0;
  value.text.clear();
  const std::size_t at = car + field.offset;
  if (!field.wire) {
    clean_into(bytes.text(at, field.length), value.text);
    value.is_text = true;
    value.is_there = !value.text.empty();
    return;
  }
  const double raw = game::raw_number(bytes, *field.wire, at);
  if (!std::isfinite(raw) || (field.none && raw == *field.none)) return;
  value.is_there = true;
  value.number = (divisor ? raw / *divisor : raw * field.scale) + field.add;
  if (game::is_whole(*field.wire)) {
    const auto whole = whole_number(bytes, *field.wire, at);
    const auto meaning = whole ? field.values.find(*whole) : field.values.end();
    if (meaning != field.values.end()) {
      value.is_text = true;
      value.text = meaning->second;
      return;
    }
    value.is_text = !field.values.empty();
    if (field.scale == 1 && field.add == 0) {
      value.is_raw = whole.has_value();
      value.raw = whole.value_or(0);
      if (whole) {
        fmt::format_to(std::back_inserter(value.text), "{}", *whole);
      } else {
        fmt::format_to(std::back_inserter(value.text), "{}", bytes.read<std::uint64_t>(at));
      }
      return;
    }
  }
  value.is_there = std::isfinite(value.number);
  if (!value.is_there) return;
  char text[kNumberChars];
  value.text.assign(text, static_cast<std::size_t>(write_number(text, value.number) - text));
}

DraftFiller::Outcome FormatDecoder::write(const Template& text, std::string_view sender,
                                          std::size_t index, std::string_view what,
                                          std::string& out) const {
  out.clear();
  for (const auto& piece : text.pieces) {
    switch (piece.kind) {
      case Template::Kind::kLiteral:
        out += piece.text;
        break;
      case Template::Kind::kField:
        if (!values_[piece.field].is_there) {
          return reject(RejectReason::kMissingDimension,
                        fmt::format("'{}' is made of a field that has no value", what));
        }
        out += values_[piece.field].text;
        break;
      case Template::Kind::kSender:
        out += sender;
        break;
      case Template::Kind::kIndex:
        fmt::format_to(std::back_inserter(out), "{}", index);
        break;
    }
  }
  return {};
}

DraftFiller::Outcome FormatDecoder::fill(Plan& plan, const TextOrigin& origin) {
  const auto& names = filler_.builder().schema().options();
  filler_.begin();
  json_.begin();
  Draft& draft = filler_.draft();
  draft.track = track_;
  draft.chassis = chassis_;
  json_.add_text(names.track, track_);
  json_.add_text(names.chassis, chassis_);
  for (std::size_t i = 0; i < plan.fields.size(); ++i) {
    const Value& value = values_[i];
    Field& field = plan.fields[i];
    if (!value.is_there || field.use == Use::kTrack || field.use == Use::kChassis) continue;
    if (field.use == Use::kTime) {
      if (auto taken = take_time(value, names.time); !taken) return taken;
    } else if (value.is_text) {
      json_.add_text(field.member.name(), value.text);
      if (auto taken = filler_.take_text(field.member, value.text); !taken) return taken;
    } else {
      json_.add_number(field.member, value.text, value.number);
      if (auto taken = filler_.take_number(field.member, value.text, value.number); !taken) {
        return taken;
      }
    }
  }
  json_.finish(draft);
  if (auto small = filler_.check_size(draft.json, "point"); !small) return small;
  return filler_.finish(origin);
}

DraftFiller::Outcome FormatDecoder::take_time(const Value& value, std::string_view name) {
  std::optional<std::int64_t> ns;
  if (value.is_raw) {
    ns = time_from_integer(value.raw);
  } else if (!value.is_text) {
    ns = time_from_number(value.text);
  }
  if (!ns) {
    return reject(
        RejectReason::kBadTime,
        fmt::format("'{}' is no time since 1970 in s, ms, us or ns: {}", name, value.text));
  }
  filler_.draft().event_ns = *ns;
  json_.add_time(name, *ns);
  return {};
}

}  // namespace slipstream
