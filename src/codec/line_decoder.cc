#include "codec/line_decoder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "codec/csv_text.h"
#include "codec/event_time.h"

namespace slipstream {
namespace {

using Kind = LineMember::Kind;

constexpr std::int64_t kLatestNs = std::numeric_limits<std::int64_t>::max();
/// As far back as times go in ISO 8601.
constexpr std::int64_t kEarliestNs = std::chrono::sys_time<std::chrono::nanoseconds>(
                                         std::chrono::sys_days(std::chrono::year{1678} / 1 / 1))
                                         .time_since_epoch()
                                         .count();

/// Below 0 it is before 1970, which a timestamp of this format may be.
std::optional<std::int64_t> time_of_timestamp(std::int64_t value, std::int64_t unit_ns) {
  if (value < -kLatestNs) return std::nullopt;
  if (unit_ns == 0) {
    auto ns = time_from_integer(value < 0 ? -value : value);
    if (ns && value < 0) ns = -*ns;
    return ns && *ns >= kEarliestNs ? ns : std::nullopt;
  }
  if (value < kEarliestNs / unit_ns || value > kLatestNs / unit_ns) return std::nullopt;
  return value * unit_ns;
}

}  // namespace

std::size_t LineDecoder::decode(std::string_view text, const TextOrigin& origin,
                                RejectionSink& rejections) {
  LineReader reader(bare_text(text));
  std::size_t index = 0;
  while (reader.next()) {
    if (auto outcome = decode_line(reader, origin); !outcome) {
      rejections.rejected(index, outcome.error(), reader.line());
    }
    ++index;
  }
  return index;
}

LineDecoder::Outcome LineDecoder::decode_line(const LineReader& reader, const TextOrigin& origin) {
  const auto& names = filler_.builder().schema().options();
  const auto line = reader.line();
  if (auto fits = filler_.check_size(line, "line"); !fits) return fits;
  if (!reader.fault().empty()) {
    return reject(RejectReason::kMalformedCsv, "line protocol: " + reader.fault());
  }
  if (!simdjson::validate_utf8(line)) {
    return reject(RejectReason::kMalformedCsv, "line protocol: the text is not UTF-8");
  }
  filler_.begin();
  json_.begin();
  const auto& members = reader.members();
  if (auto outcome = decode_origin(reader); !outcome) return outcome;
  mark_repeated(members);
  for (std::size_t i = 0; i < members.size(); ++i) {
    auto outcome = decode_member(members[i], is_repeated_[i], reader.timestamp().has_value());
    if (!outcome) return outcome;
  }
  if (const auto timestamp = reader.timestamp()) {
    const auto event_ns = time_of_timestamp(*timestamp, origin.timestamp_unit_ns);
    if (!event_ns) return reject(RejectReason::kBadTime, fmt::format("{} is no time", *timestamp));
    filler_.draft().event_ns = event_ns;
    json_.add_time(names.time, *event_ns);
  }
  json_.finish(filler_.draft());
  return filler_.finish(origin);
}

LineDecoder::Outcome LineDecoder::decode_origin(const LineReader& reader) {
  static constexpr std::string_view kMeasurement = "measurement";
  const auto& names = filler_.builder().schema().options();
  const auto& members = reader.members();
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(members, [&](const LineMember& member) {
      return member.name == name && !takes_no_place(member);
    });
  };
  served_ = {};
  if (!has(names.track)) {
    const LineMember track{names.track, Kind::kTag, reader.measurement()};
    if (auto outcome = decode_member(track, false, false); !outcome) return outcome;
  } else {
    // A tag of that name, further on, takes its place.
    const LineMember measurement{kMeasurement, Kind::kTag, reader.measurement()};
    if (auto outcome = decode_tag(measurement, has(kMeasurement)); !outcome) return outcome;
  }
  if (has(names.chassis)) return {};
  const auto machine = machine_.name_of(members, reader.measurement());
  served_ = machine.tag;
  return decode_member({names.chassis, Kind::kTag, machine.name}, false, false);
}

/// Sorted, since a line made to cost much has hundreds of members.
void LineDecoder::mark_repeated(const std::vector<LineMember>& members) {
  is_repeated_.assign(members.size(), false);
  by_name_.clear();
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!takes_no_place(members[i])) by_name_.emplace_back(members[i].name, i);
  }
  std::ranges::sort(by_name_);
  for (std::size_t i = 1; i < by_name_.size(); ++i) {
    if (by_name_[i].first == by_name_[i - 1].first) is_repeated_[by_name_[i - 1].second] = true;
  }
}

LineDecoder::Outcome LineDecoder::decode_member(const LineMember& given, bool is_repeated,
                                                bool has_timestamp) {
  Member* member = filler_.members().find(given.name);
  if (given.kind == Kind::kTag && (member == nullptr || member->may_be_tag())) {
    return decode_tag(given, is_repeated);
  }
  if (is_repeated) return {};
  if (takes_no_place(given)) return decode_placeless(given);
  if (member != nullptr && member->role == MemberRole::kTime) {
    return has_timestamp ? Outcome{} : decode_time(*member, given);
  }
  if (given.kind == Kind::kNumber || (member != nullptr && member->wants_number())) {
    if (member == nullptr) member = &filler_.members().find_or_add(given.name);
    return decode_number(*member, given);
  }
  // Names that had texts alone need not be remembered.
  static const Member kUnknown("", MemberRole::kOther);
  const Member& known = member == nullptr ? kUnknown : *member;
  if (given.kind == Kind::kFlag) {
    json_.add_raw(given.name, given.value);
    return filler_.take_other(known);
  }
  json_.add_text(given.name, given.value);
  return filler_.take_text(known.role == MemberRole::kTag ? kUnknown : known, given.value);
}

LineDecoder::Outcome LineDecoder::decode_tag(const LineMember& given, bool is_repeated) {
  if (given.name == served_) return {};
  // A member of that name is the object of all tags.
  if (!is_repeated && given.name != tags::kMember) json_.add_text(given.name, given.value);
  return filler_.take_tag(given.name, given.value, true);
}

/// Whether it is a field that is called as something else of the point: as the object of all tags;
/// or a number as the track (course over ground, of a GPS receiver) or the machine.
bool LineDecoder::takes_no_place(const LineMember& member) const {
  const auto& names = filler_.builder().schema().options();
  if (member.name == tags::kMember) {
    return member.kind != Kind::kTag && filler_.draft().tag_count > 0;
  }
  return (member.kind == Kind::kNumber || member.kind == Kind::kFlag) &&
         (member.name == names.track || member.name == names.chassis);
}

/// A number is in windows, and no member of the point.
LineDecoder::Outcome LineDecoder::decode_placeless(const LineMember& given) {
  if (given.kind != Kind::kNumber) return {};
  Member field(given.name, MemberRole::kField);
  const auto number = parse_number(given.value);
  if (!number) return DraftFiller::no_number(field, given.value);
  return filler_.take_number(field, given.value, *number);
}

LineDecoder::Outcome LineDecoder::decode_time(Member& member, const LineMember& given) {
  if (given.kind == Kind::kFlag) return filler_.take_other(member);
  if (given.value.empty()) return {};
  const auto number = parse_number(given.value);
  auto taken = number ? filler_.take_number(member, given.value, *number)
                      : filler_.take_text(member, given.value);
  if (taken) json_.add_time(given.name, *filler_.draft().event_ns);
  return taken;
}

LineDecoder::Outcome LineDecoder::decode_number(Member& member, const LineMember& given) {
  if (given.kind == Kind::kFlag) return filler_.take_other(member);
  const auto number = parse_number(given.value);
  if (!number) return DraftFiller::no_number(member, given.value);
  json_.add_number(member, trim_blanks(given.value), *number);
  return filler_.take_number(member, given.value, *number);
}

}  // namespace slipstream
