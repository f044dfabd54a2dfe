#include "codec/csv_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/check.h"
#include "base/iso_time.h"
#include "codec/csv_text.h"

namespace slipstream {
namespace {

constexpr std::size_t kShownColumns = 20;
constexpr std::size_t kShownBytes = 40;
/// Ranks of the names of one member; synonyms come behind, in the order of their list.
constexpr std::size_t kExact = 0, kConfigured = 1, kOtherCase = 2, kFirstSynonym = 3;

std::string_view header_text(std::string_view cell) {
  return without_csv_guard(trim_blanks(cell));
}

/// All that have a place of their own in a point.
std::vector<Synonym> known_members(const SchemaOptions& names) {
  std::vector<Synonym> all;
  for (const auto role : {MemberRole::kTime, MemberRole::kTrack, MemberRole::kChassis,
                          MemberRole::kLap, MemberRole::kSector}) {
    all.push_back({role});
  }
  if (!names.sequence.empty()) all.push_back({MemberRole::kSequence});
  for (FieldId id = 0; id < field::kWellKnownCount; ++id) all.push_back({MemberRole::kField, id});
  return all;
}

}  // namespace

CsvColumns::CsvColumns(DraftFiller& filler)
    : filler_(filler), known_(known_members(filler.builder().schema().options())) {
  const auto& names = filler.builder().schema().options();
  for (const auto* name : {&names.time, &names.track, &names.chassis, &names.lap}) {
    fixed_.push_back(column(*name));
  }
  for (const auto& name : names.well_known) fixed_.push_back(column(name));
}

CsvColumn CsvColumns::column(std::string_view name) const {
  Member member = filler_.members().copy_of(name);
  // What a column's name stands for is told by its header as a whole.
  if (member.role == MemberRole::kSynonym) member = Member(name, MemberRole::kOther);
  const bool is_free = member.role == MemberRole::kOther || member.role == MemberRole::kField;
  const bool is_raw_source = name == kRawSource && is_free && !member.is_well_known();
  return {.member = std::move(member), .given = std::string(name), .is_raw_source = is_raw_source};
}

bool CsvColumns::is_header(const std::vector<std::string_view>& cells,
                           const CsvDialect& dialect) const {
  const auto is_dimension = [&](std::size_t i) {
    return i < fixed_.size() && (fixed_[i].member.role == MemberRole::kTrack ||
                                 fixed_[i].member.role == MemberRole::kChassis);
  };
  // Backwards, since the last cells of a line by position are numbers: one look is enough.
  bool one_fits = false;
  bool one_is_value = false;
  std::string scratch;
  for (std::size_t i = cells.size(); i-- > 0;) {
    const auto cell = header_text(cells[i]);
    const bool is_number = parse_number(dialect.number_text(cell, scratch)).has_value();
    const bool is_value = is_number || parse_iso_time(cell).has_value();
    const bool is_time_column = i < fixed_.size() && fixed_[i].member.role == MemberRole::kTime;
    one_is_value |= is_value;
    one_fits |= i < fixed_.size() && !is_dimension(i) &&
                (cell.empty() || is_number || (is_time_column && is_value));
    if (one_is_value && one_fits) return false;
  }
  if (!one_fits) return true;
  return !one_is_value && std::ranges::any_of(cells, [&](std::string_view cell) {
    const auto meaning = meaning_of(cell);
    return meaning.synonym.role != MemberRole::kOther || meaning.name != header_text(cell);
  });
}

CsvColumns::Meaning CsvColumns::meaning_of(std::string_view cell) const {
  const auto& options = filler_.builder().schema().options();
  const auto name = header_text(cell);
  for (auto member : known_) {
    if (name_of(options, member) != name) continue;
    member.rank = kExact;
    return {member};
  }
  const auto plain = plain_name(name);
  for (const auto& [given, means] : options.csv.columns) {
    if (plain_name(given) != plain) continue;
    for (auto member : known_) {
      if (name_of(options, member) != means) continue;
      member.rank = kConfigured;
      return {member};
    }
    return {{}, means};
  }
  for (auto member : known_) {
    if (plain_name(name_of(options, member)) != plain) continue;
    member.rank = kOtherCase;
    return {member};
  }
  for (const auto& tag : options.tags) {
    if (plain_name(tag) == plain) return {{}, tag};
  }
  if (auto synonym = common_synonym(plain)) {
    synonym->rank += kFirstSynonym;
    return {*synonym};
  }
  return {{}, std::string(name)};
}

std::expected<void, std::string> CsvColumns::map(const std::vector<std::string_view>& cells,
                                                 const CsvDialect& dialect, bool has_track) {
  CHECK(cells.size() <= kMaxCsvColumns, "whoever has a header has counted its cells");
  named_.clear();
  other_times_.clear();
  const auto& options = filler_.builder().schema().options();
  std::vector<Meaning> meanings;
  for (const auto cell : cells) meanings.push_back(meaning_of(cell));
  // For each member the column that is it.
  std::map<std::pair<MemberRole, FieldId>, std::size_t> holders;
  for (std::size_t i = 0; i < meanings.size(); ++i) {
    const auto& synonym = meanings[i].synonym;
    if (synonym.role == MemberRole::kOther) continue;
    const auto [holder, is_first] = holders.try_emplace({synonym.role, synonym.field}, i);
    if (!is_first && synonym.rank < meanings[holder->second].synonym.rank) holder->second = i;
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto name = header_text(cells[i]);
    const auto& synonym = meanings[i].synonym;
    if (synonym.role != MemberRole::kOther && synonym.rank != kExact &&
        holders.at({synonym.role, synonym.field}) == i) {
      named_.push_back(column(name_of(options, synonym)));
      named_.back().given = name;
      if (synonym.role == MemberRole::kTime && synonym.rank >= kFirstSynonym) {
        named_.back().ordinary = column(name).member;
      }
    } else {
      named_.push_back(
          column(synonym.role == MemberRole::kOther ? std::string_view(meanings[i].name) : name));
    }
  }
  for (std::size_t i = 0; i < meanings.size(); ++i) {
    const bool is_time = meanings[i].synonym.role == MemberRole::kTime;
    if (is_time && holders.at({MemberRole::kTime, 0}) != i) other_times_.push_back(i);
  }
  std::ranges::stable_sort(other_times_, {},
                           [&](std::size_t i) { return meanings[i].synonym.rank; });
  // What programs leave without a name, before others that have one (a row's number), keeps its
  // place as a name.
  while (!named_.empty() && named_.back().member.name().empty()) named_.pop_back();
  for (std::size_t i = 0; i < named_.size(); ++i) {
    if (named_[i].member.name().empty()) named_[i] = column(fmt::format("column_{}", i + 1));
  }
  return check(dialect, has_track);
}

std::expected<void, std::string> CsvColumns::check(const CsvDialect& dialect,
                                                   bool has_track) const {
  for (auto column = named_.begin(); column != named_.end(); ++column) {
    const auto& name = column->member.name();
    if (!name.empty() && std::ranges::find(named_.begin(), column, name, [](const CsvColumn& c) {
                           return std::string_view(c.member.name());
                         }) != column) {
      return std::unexpected(
          fmt::format("the column '{}' stands twice", name.substr(0, kShownBytes)));
    }
  }
  const auto& options = filler_.builder().schema().options();
  std::string wanted;
  for (const auto role : {MemberRole::kTrack, MemberRole::kChassis}) {
    if (role == MemberRole::kTrack && has_track) continue;
    const auto has_role = [&](const CsvColumn& column) { return column.member.role == role; };
    if (std::ranges::any_of(named_, has_role)) continue;
    if (!wanted.empty()) wanted += ", and none for ";
    wanted += fmt::format("'{}' (or {})", name_of(options, {role}), synonyms_of(role));
  }
  if (wanted.empty()) return {};
  return std::unexpected(
      fmt::format("the first row looks like a header, but it has no column for {}. Its columns, "
                  "separated by {}, "
                  "are {}. Rename one, or map it under [csv.columns]",
                  wanted, dialect.delimiter_name(), found_names()));
}

std::string CsvColumns::found_names() const {
  std::string out;
  for (std::size_t i = 0; i < named_.size() && i < kShownColumns; ++i) {
    if (i > 0) out += ", ";
    out += fmt::format("'{}'", std::string_view(named_[i].given).substr(0, kShownBytes));
  }
  if (named_.size() > kShownColumns)
    out += fmt::format(" and {} more", named_.size() - kShownColumns);
  return out;
}

}  // namespace slipstream
