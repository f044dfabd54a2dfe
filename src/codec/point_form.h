#pragma once
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

#include "codec/log_rows.h"
#include "codec/point_log_format.h"
#include "model/point.h"

/// What payloads of columns and of chains say of a point alike.
namespace slipstream::point_log {

/// False: the number is another one in that type.
template <typename T>
bool narrow(std::uint64_t value, T& out) {
  out = static_cast<T>(value);
  return static_cast<std::uint64_t>(out) == value;
}

/// How many kinds of entries a payload of that version may have.
inline std::size_t kind_count(std::uint8_t version) {
  const bool has_marks = version == kMarksVersion || version == kMarksChainVersion;
  return has_marks ? kLogEntryKindCount : kLogEntryKindCount - 1;
}

inline std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15;
  return hash ^ (hash >> 32);
}

/// A shape's flags, but for the source.
inline std::uint8_t flags_of(const Point& p) {
  return static_cast<std::uint8_t>(
      (p.lap_is_fault ? kLapIsFault : 0u) | (p.has_sequence ? kHasSequence : 0u) |
      (p.has_texts ? kHasTexts : 0u) | (p.sector_derived ? kSectorDerived : 0u) |
      (p.sector != Point::kNoSector ? kHasSector : 0u));
}
/// And back; `sector` counts where they say that there is one.
inline void set_flags(Point& p, std::uint8_t flags, std::int32_t sector) {
  p.sector = (flags & kHasSector) != 0 ? sector : Point::kNoSector;
  p.lap_is_fault = (flags & kLapIsFault) != 0;
  p.has_sequence = (flags & kHasSequence) != 0;
  p.has_texts = (flags & kHasTexts) != 0;
  p.sector_derived = (flags & kSectorDerived) != 0;
}

/// Nothing: the name is one that came later.
inline std::optional<SourceKind> source_named(std::string_view name) {
  const auto* const known = std::ranges::find(kSourceNames, name);
  if (known == std::end(kSourceNames)) return std::nullopt;
  return static_cast<SourceKind>(known - std::begin(kSourceNames));
}

/// Gives the point its JSON, with the place of its lap's literal in it, where there is one.
inline void add_text(PointBatch& batch, Point& p, std::string_view json, TextRef literal) {
  p.json = {static_cast<std::uint32_t>(batch.text.size()), static_cast<std::uint32_t>(json.size())};
  if (literal.length > 0) p.lap_literal = {p.json.offset + literal.offset, literal.length};
  batch.text += json;
  batch.text.append(PointBatch::kTextSpare, ' ');
}

}  // namespace slipstream::point_log
