#include "codec/line_decoder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <limits>

#include "base/iso_time.h"
#include "base/json_text.h"
#include "codec/csv_text.h"
#include "codec/event_time.h"

namespace slipstream {
namespace {

using Kind = LineMember::Kind;

bool is_text(const LineMember& member) {
  return member.kind == Kind::kTag || member.kind == Kind::kText;
}

std::optional<std::int64_t> time_of_timestamp(std::int64_t value, std::int64_t unit_ns) {
  if (value < 0 || value > std::numeric_limits<std::int64_t>::max() / unit_ns) return std::nullopt;
  return value * unit_ns;
}

}  // namespace

std::size_t LineDecoder::decode(std::string_view text, std::int64_t unit_ns,
                                const TextOrigin& origin, RejectionSink& rejections) {
  LineReader reader(text);
  std::size_t index = 0;
  while (reader.next()) {
    if (auto outcome = decode_line(reader, unit_ns, origin); !outcome) {
      rejections.rejected(index, outcome.error(), reader.line());
    }
    ++index;
  }
  return index;
}

LineDecoder::Outcome LineDecoder::decode_line(const LineReader& reader, std::int64_t unit_ns,
                                              const TextOrigin& origin) {
  const auto& names = builder_.schema().options();
  const auto line = reader.line();
  if (line.size() > names.max_point_bytes) {
    return reject(RejectReason::kTooLarge,
                  fmt::format("the line has {} bytes, at most {} are taken", line.size(),
                              names.max_point_bytes));
  }
  if (!reader.fault().empty()) {
    return reject(RejectReason::kMalformedCsv, "line protocol: " + reader.fault());
  }
  if (!simdjson::validate_utf8(line)) {
    return reject(RejectReason::kMalformedCsv, "line protocol: the text is not UTF-8");
  }
  draft_.clear();
  json_ = "{";
  const auto& members = reader.members();
  if (std::ranges::find(members, names.track, &LineMember::name) == members.end()) {
    const LineMember track{names.track, Kind::kTag, reader.measurement()};
    if (auto outcome = decode_member(track, false); !outcome) return outcome;
  }
  mark_repeated(members);
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (is_repeated_[i]) continue;
    if (auto outcome = decode_member(members[i], reader.timestamp().has_value()); !outcome) {
      return outcome;
    }
  }
  if (const auto timestamp = reader.timestamp()) {
    draft_.event_ns = time_of_timestamp(*timestamp, unit_ns);
    if (!draft_.event_ns) {
      return reject(RejectReason::kBadTime, fmt::format("{} is no time", *timestamp));
    }
    open_member(names.time);
    json_ += '"';
    append_iso_time(json_, *draft_.event_ns);
    json_ += '"';
  }
  json_ += '}';
  draft_.json = json_;
  if (draft_.lap) draft_.lap_literal = draft_.json.substr(lap_offset_, lap_length_);
  return builder_.finish(draft_, origin);
}

/// Sorted, since a line made to cost much has hundreds of members.
void LineDecoder::mark_repeated(const std::vector<LineMember>& members) {
  is_repeated_.assign(members.size(), false);
  by_name_.clear();
  for (std::size_t i = 0; i < members.size(); ++i) by_name_.emplace_back(members[i].name, i);
  std::ranges::sort(by_name_);
  for (std::size_t i = 1; i < by_name_.size(); ++i) {
    if (by_name_[i].first == by_name_[i - 1].first) is_repeated_[by_name_[i - 1].second] = true;
  }
}

LineDecoder::Outcome LineDecoder::decode_member(const LineMember& member, bool has_timestamp) {
  const auto& names = builder_.schema().options();
  if (member.name == names.track || member.name == names.chassis) {
    if (!is_text(member)) {
      return reject(RejectReason::kMissingDimension,
                    fmt::format("'{}' must be a tag or a string", member.name));
    }
    (member.name == names.track ? draft_.track : draft_.chassis) = member.value;
    carry_text(member);
    return {};
  }
  if (member.name == names.time) return has_timestamp ? Outcome{} : decode_time(member);
  const bool is_known = member.name == names.lap || member.name == names.sector ||
                        (!names.sequence.empty() && member.name == names.sequence) ||
                        std::ranges::find(names.well_known, member.name) != names.well_known.end();
  return is_known || member.kind == Kind::kNumber ? decode_number(member) : decode_other(member);
}

LineDecoder::Outcome LineDecoder::decode_time(const LineMember& member) {
  if (member.kind != Kind::kFlag) {
    draft_.event_ns =
        parse_number(member.value) ? time_from_number(member.value) : parse_iso_time(member.value);
  }
  if (!draft_.event_ns) {
    return reject(RejectReason::kBadTime,
                  fmt::format("'{}' is no time: '{}'", member.name, member.value.substr(0, 40)));
  }
  open_member(member.name);
  json_ += '"';
  append_iso_time(json_, *draft_.event_ns);
  json_ += '"';
  return {};
}

LineDecoder::Outcome LineDecoder::decode_number(const LineMember& member) {
  const auto& names = builder_.schema().options();
  const auto number =
      member.kind == Kind::kFlag ? std::optional<double>{} : parse_number(member.value);
  if (!number) {
    return reject(RejectReason::kBadNumber, fmt::format("'{}' must be a number, got '{}'",
                                                        member.name, member.value.substr(0, 40)));
  }
  open_member(member.name);
  const std::size_t literal = json_.size();
  append_json_number(json_, trim_blanks(member.value), *number);
  if (member.name == names.lap) {
    auto lap = to_index(*number, member.name, Schema::kLapFault);
    if (!lap) return std::unexpected(lap.error());
    draft_.lap = *lap;
    lap_offset_ = literal;
    lap_length_ = json_.size() - literal;
  } else if (member.name == names.sector) {
    auto sector = to_index(*number, member.name, Schema::kMaxSector);
    if (!sector) return std::unexpected(sector.error());
    draft_.sector = *sector;
  } else if (!names.sequence.empty() && member.name == names.sequence) {
    auto sequence = to_index(*number, member.name, std::int64_t{1} << 53);
    if (!sequence) return std::unexpected(sequence.error());
    draft_.sequence = static_cast<std::uint64_t>(*sequence);
  } else {
    return builder_.add_named(draft_, member.name, *number);
  }
  return {};
}

LineDecoder::Outcome LineDecoder::decode_other(const LineMember& member) {
  draft_.has_texts = true;
  if (member.kind == Kind::kFlag) {
    open_member(member.name);
    json_ += member.value;
  } else {
    carry_text(member);
  }
  return {};
}

void LineDecoder::open_member(std::string_view name) {
  if (json_.size() > 1) json_ += ',';
  append_json_string(json_, name);
  json_ += ':';
}

void LineDecoder::carry_text(const LineMember& member) {
  open_member(member.name);
  append_json_string(json_, member.value);
}

}  // namespace slipstream
