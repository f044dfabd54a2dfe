#include "codec/point_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/iso_time.h"
#include "base/json_text.h"
#include "codec/synonyms.h"

namespace slipstream {
namespace {

constexpr std::size_t kShownTagBytes = 120;
constexpr double kFirstSecondOf2000 = 946'684'800;
constexpr double kLastTime = 9.2e18;  // ns since 1970

bool is_called_as_a_time(std::string_view name) {
  const auto plain = plain_name(name);
  return std::ranges::any_of(
      std::array<std::string_view, 5>{"time", "stamp", "date", "epoch", "utc"},
      [&](std::string_view part) { return plain.find(part) != std::string::npos; });
}

TextRef append_text(std::string& text, std::string_view piece) {
  const TextRef ref{static_cast<std::uint32_t>(text.size()),
                    static_cast<std::uint32_t>(piece.size())};
  text.append(piece);
  return ref;
}

template <typename Number>
std::unexpected<Rejection> out_of(const FieldRange& range, std::string_view member, Number value) {
  return reject(RejectReason::kOutOfRange, fmt::format("'{}' must be from {} to {}, got {}", member,
                                                       range.min, range.max, value));
}

}  // namespace

void BatchWriter::begin(std::size_t max_bytes) {
  max_bytes_ = max_bytes;
  full_bytes_ = 0;
}

std::size_t BatchWriter::bytes() const {
  std::size_t sum = full_bytes_;
  for (const auto& batch : open_) sum += batch ? batch->bytes() : 0;
  return sum;
}

std::size_t BatchWriter::cut() {
  for (auto& batch : open_) {
    if (batch && !batch->points.empty()) close(batch);
  }
  return full_.size();
}

std::vector<PointBatchPtr> BatchWriter::take_all() {
  std::vector<PointBatchPtr> all = std::exchange(full_, {});
  for (auto& batch : open_) {
    if (batch && !batch->points.empty()) all.push_back(std::move(batch));
  }
  return all;
}

void BatchWriter::discard() {
  for (auto& batch : open_) batch.reset();
  full_.clear();
}

// Beyond the limit decoding goes on, since its errors are told, and what it gives is not kept.
void BatchWriter::close(PointBatchPtr& batch) {
  CHECK(batch != nullptr && !batch->points.empty(), "a batch that is handed on has points");
  full_bytes_ += batch->bytes();
  full_.push_back(std::move(batch));
  if (full_bytes_ > max_bytes_) full_.clear();
}

std::unexpected<Rejection> reject(RejectReason reason, std::string message) {
  return std::unexpected(Rejection{reason, std::move(message)});
}

std::expected<std::int64_t, Rejection> to_index(double value, std::string_view member,
                                                std::int64_t max) {
  if (!(std::floor(value) == value)) {
    return reject(RejectReason::kBadNumber,
                  fmt::format("{} must be an integer, got {}", member, value));
  }
  if (value < 0 || value > static_cast<double>(max)) {
    return reject(RejectReason::kOutOfRange,
                  fmt::format("{} must be from 0 to {}, got {}", member, max, value));
  }
  return static_cast<std::int64_t>(value);
}

std::expected<std::optional<FieldId>, Rejection> PointBuilder::field_named(Draft& draft,
                                                                           std::string_view name) {
  if (name.size() > Schema::kMaxFieldNameBytes) {
    return reject(RejectReason::kOutOfRange,
                  fmt::format("the name of a field is {} bytes long, at most {} fit: '{}...'",
                              name.size(), Schema::kMaxFieldNameBytes, name.substr(0, 40)));
  }
  const auto id = schema_.fields().intern(name);
  if (!id) {
    stats_.fields_dropped.add();
    draft.has_texts = true;
  }
  return id;
}

void PointBuilder::add_crowded(Draft& draft, FieldId id, double value) {
  for (std::size_t i = 0; i < draft.value_count; ++i) {
    if (draft.values[i].field == id) {
      draft.values[i].value = value;
      return;
    }
  }
  if (draft.value_count == draft.values.size()) {
    stats_.fields_dropped.add();
    draft.has_texts = true;
    return;
  }
  draft.values[draft.value_count++] = {value, id};
}

std::expected<void, Rejection> PointBuilder::validate(const Draft& draft,
                                                      const TextOrigin& origin) const {
  const auto& names = schema_.options();
  for (const auto& [text, name] :
       {std::pair{draft.track, &names.track}, std::pair{draft.chassis, &names.chassis}}) {
    if (text.empty()) {
      return reject(RejectReason::kMissingDimension,
                    fmt::format("'{}' is required: a string that is not empty", *name));
    }
    if (text.size() > Schema::kMaxDimensionBytes) {
      return reject(RejectReason::kOutOfRange,
                    fmt::format("'{}' is {} bytes long, at most {} fit", *name, text.size(),
                                Schema::kMaxDimensionBytes));
    }
  }
  if (draft.event_ns) {
    const std::int64_t ahead =
        *draft.event_ns > origin.arrival.ns ? *draft.event_ns - origin.arrival.ns : 0;
    if (ahead > names.future_skew_ms * kNsPerMs) {
      return reject(
          RejectReason::kFutureTime,
          fmt::format("'{}' is {:.3f} s ahead of the server's clock, at most {} ms are taken",
                      names.time, static_cast<double>(ahead) * 1e-9, names.future_skew_ms));
    }
  }
  if (draft.sector && *draft.sector > Schema::kMaxSector) {
    return reject(RejectReason::kOutOfRange, fmt::format("'{}' is too large", names.sector));
  }
  // A lap that is the logger's fault value is repaired.
  if (const auto& range = schema_.lap_range();
      range && draft.lap && *draft.lap != Schema::kLapFault && !range->holds(*draft.lap)) {
    return out_of(*range, names.lap, *draft.lap);
  }
  if (const auto& range = schema_.sector_range();
      range && draft.sector && !range->holds(*draft.sector)) {
    return out_of(*range, names.sector, *draft.sector);
  }
  for (std::size_t i = 0; schema_.has_ranges() && i < draft.value_count; ++i) {
    const auto& v = draft.values[i];
    const FieldRange* range = schema_.range(v.field);
    if (range != nullptr && !range->holds(v.value)) {
      return out_of(*range, schema_.fields().name(v.field), v.value);
    }
  }
  return {};
}

/// Of a point without a time.
void PointBuilder::hint_at_time(const Draft& draft, const TextOrigin& origin) {
  TimeHints& hints = stats_.time_hints;
  if (!hints.wants(origin.source)) return;
  if (!draft.time_like.empty()) {
    hints.note(origin.source,
               draft.is_time_early ? TimeHints::Kind::kIsEarly : TimeHints::Kind::kLooksLikeOne,
               draft.time_like);
    return;
  }
  for (std::size_t i = 0; i < draft.value_count; ++i) {
    const auto& [value, field] = draft.values[i];
    if (!(value >= kFirstSecondOf2000 && value < kLastTime)) continue;
    const auto name = schema_.fields().name(field);
    if (is_called_as_a_time(name)) {
      hints.note(origin.source, TimeHints::Kind::kLooksLikeOne, name);
      return;
    }
  }
}

void PointBuilder::write_tags(const Draft& draft, const TextOrigin& origin) {
  tags_.clear();
  sorted_tags_.clear();
  if (draft.tag_count == 0) return;
  for (std::size_t i = 0; i < draft.tag_count; ++i) {
    if (draft.tags[i].is_told || !origin.is_admitted) sorted_tags_.push_back(draft.tags[i]);
  }
  std::ranges::sort(sorted_tags_);
  for (const Tag& tag : sorted_tags_) append_tag(tags_, tag);
}

/// What goes on otherwise than it came: names that are synonyms, a time that is not in the normal
/// form, a time or a lap that is there but says nothing (null, "").
void PointBuilder::plan_edits(const Draft& draft, const TextOrigin& origin) {
  const auto& names = schema_.options();
  edits_.clear();
  suffix_.clear();
  if (!draft.lap) {
    if (draft.lap_literal.empty()) {
      suffix_ += ',';
      append_json_string(suffix_, names.lap);
      suffix_ += ":0";
    } else {
      edits_.push_back({draft.lap_literal, "0"});
    }
  }
  if (!draft.event_ns && draft.time_literal.empty()) {
    suffix_ += ',';
    append_json_string(suffix_, names.time);
    suffix_ += ':';
    suffix_ += write_time(origin.default_event_ns());
  } else if (!draft.time_literal.empty()) {
    const auto& literal = draft.time_literal;
    const bool is_normal = draft.event_ns && literal.starts_with('"') &&
                           is_normal_iso_time(literal.substr(1, literal.size() - 2));
    if (!is_normal) {
      edits_.push_back({literal, write_time(draft.event_ns.value_or(origin.default_event_ns()))});
    }
  }
  if (!draft.tags_literal.empty()) {
    tags_object_ = '{' + tags_ + '}';
    edits_.push_back({draft.tags_literal, tags_object_});
  } else if (!tags_.empty() && !draft.has_tags_member) {
    suffix_ += fmt::format(R"(,"{}":{{{}}})", tags::kMember, tags_);
  }
  for (std::size_t i = 0; i < draft.renamed_count; ++i) {
    names_[i].clear();
    append_json_string(names_[i], *draft.renamed[i].to);
    edits_.push_back({draft.renamed[i].key, names_[i]});
  }
  if (edits_.size() > 1) {
    std::ranges::sort(edits_, {}, [](const JsonEdit& edit) { return edit.where.data(); });
  }
}

std::string_view PointBuilder::write_time(std::int64_t ns) {
  char* const begin = time_text_.data();
  *begin = '"';
  char* end = times_.write(begin + 1, ns);
  *end++ = '"';
  return {begin, static_cast<std::size_t>(end - begin)};
}

TextRef PointBuilder::append_json(PointBatch& batch, const Draft& draft) {
  CHECK(!draft.json.empty(), "a decoder gives the point's JSON with it");
  const auto body = draft.json.substr(0, draft.json.size() - 1);
  std::size_t length = body.size() + suffix_.size() + 1;
  for (const auto& edit : edits_) {
    length += edit.text.size();
    length -= edit.where.size();
  }
  const std::size_t begin = batch.text.size();
  const std::size_t end = begin + length + PointBatch::kTextSpare;
  // libstdc++ 12 may tell the operation of more room than was asked for: its own figure counts.
  batch.text.resize_and_overwrite(end, [&](char* out, std::size_t) {
    char* at = out + begin;
    const auto put = [&at](std::string_view piece) {
      std::memcpy(at, piece.data(), piece.size());
      at += piece.size();
    };
    const char* done = body.data();
    for (const auto& [where, text] : edits_) {
      CHECK(where.data() >= done && where.data() + where.size() <= body.data() + body.size(),
            "what is rewritten stands in the JSON, each piece behind the one before");
      put({done, static_cast<std::size_t>(where.data() - done)});
      put(text);
      done = where.data() + where.size();
    }
    put({done, static_cast<std::size_t>(body.data() + body.size() - done)});
    put(suffix_);
    *at = '}';
    std::memset(out + begin + length, ' ', PointBatch::kTextSpare);
    return end;
  });
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(length)};
}

std::expected<void, Rejection> PointBuilder::admit(const Draft& draft, std::uint64_t machine,
                                                   const TextOrigin& origin) {
  SeriesLimit& limit = schema_.series();
  const std::uint64_t series = series_hash(machine, tags_);
  if (origin.is_admitted) {
    limit.restore(machine, series, tags_.size(), origin.arrival);
    return {};
  }
  const auto refuse = [&](std::string why) {
    return reject(RejectReason::kTooManySeries,
                  fmt::format("{}, and this is another one: '{}' of '{}' with {{{}}}. A tag whose "
                              "values never end is better sent as a field",
                              why, draft.chassis, draft.track,
                              std::string_view(tags_).substr(0, kShownTagBytes)));
  };
  switch (limit.admit(machine, series, tags_.size(), origin.arrival)) {
    case SeriesLimit::Answer::kTaken:
      break;
    case SeriesLimit::Answer::kMachineFull:
      return refuse(fmt::format("the machine has {} series (MAX_SERIES_PER_MACHINE)",
                                limit.max_per_machine()));
    case SeriesLimit::Answer::kAllFull:
      return refuse(fmt::format("all machines together have {} series with tags", limit.size()));
  }
  return {};
}

/// A dimension stands in the JSON text where it needed no unescaping; else it is copied.
TextRef PointBuilder::locate(PointBatch& batch, TextRef json, const Draft& draft,
                             std::string_view part) const {
  const auto& input = draft.json;
  if (part.data() < input.data() || part.data() + part.size() > input.data() + input.size()) {
    return append_text(batch.text, part);
  }
  auto offset = static_cast<std::size_t>(part.data() - input.data());
  for (const auto& edit : edits_) {
    if (edit.where.data() >= part.data()) break;
    offset += edit.text.size();
    offset -= edit.where.size();
  }
  return {json.offset + static_cast<std::uint32_t>(offset),
          static_cast<std::uint32_t>(part.size())};
}

std::expected<void, Rejection> PointBuilder::finish(const Draft& draft, const TextOrigin& origin) {
  if (auto valid = validate(draft, origin); !valid) return valid;
  const std::uint64_t hash = series_hash(draft.track, draft.chassis);
  write_tags(draft, origin);
  if (!tags_.empty()) {
    if (auto admitted = admit(draft, hash, origin); !admitted) return admitted;
  }
  if (!draft.event_ns) hint_at_time(draft, origin);
  plan_edits(draft, origin);

  PointBatch& batch = writer_.batch_for(hash);
  Point& point = batch.points.emplace_back();
  point.json = append_json(batch, draft);
  point.track = locate(batch, point.json, draft, draft.track);
  point.chassis = locate(batch, point.json, draft, draft.chassis);
  if (!tags_.empty()) point.tags = append_text(batch.text, tags_);
  point.event_time = {draft.event_ns.value_or(origin.default_event_ns())};
  point.arrival_time = origin.arrival;
  point.series_hash = hash;
  point.source = origin.source;
  point.has_sequence = draft.sequence.has_value();
  point.sequence = draft.sequence.value_or(0);
  point.has_texts = draft.has_texts || sorted_tags_.size() < draft.tag_count;
  if (draft.sector) point.sector = static_cast<std::int32_t>(*draft.sector);
  if (draft.lap == Schema::kLapFault) {
    point.lap_is_fault = true;
    if (!draft.lap_literal.empty()) {
      point.lap_literal = locate(batch, point.json, draft, draft.lap_literal);
    }
  } else {
    point.lap = static_cast<std::int16_t>(draft.lap.value_or(0));
  }
  CHECK(draft.value_count <= draft.values.size(), "add_new() adds no more than fit");
  point.first_value = static_cast<std::uint32_t>(batch.values.size());
  point.value_count = static_cast<std::uint16_t>(draft.value_count);
  batch.values.insert(batch.values.end(), draft.values.begin(),
                      draft.values.begin() + static_cast<std::ptrdiff_t>(draft.value_count));
  return {};
}

}  // namespace slipstream
