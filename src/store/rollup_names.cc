#include "store/rollup_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "store/tag_condition.h"

namespace slipstream {
namespace {

constexpr std::size_t kMostRemembered = 20'000;  ///< series
constexpr std::size_t kMostLayoutsRemembered = 64;
/// Whoever sends other fields each time fills the table so far, and no further.
constexpr std::int64_t kMostLayouts = 4'096;

std::string series_key(std::string_view track, std::string_view chassis, std::string_view tags) {
  // With their lengths, since each may hold any byte.
  std::string key = fmt::format("{} {} ", track.size(), chassis.size());
  for (const std::string_view text : {track, chassis, tags}) key += text;
  return key;
}

template <typename Map>
void make_room(Map& map, std::size_t most) {
  if (map.size() >= most) map.clear();
}

Result<std::vector<std::int64_t>> numbers(Statement& statement) {
  std::vector<std::int64_t> all;
  Result<bool> row = false;
  while ((row = statement.step()) && *row) all.push_back(statement.integer(0));
  statement.reset();
  if (!row) return std::unexpected(row.error());
  return all;
}

/// The row with the number, given to `take` unless it is remembered.
template <typename Map, typename Take>
auto look_up(Map& known, std::size_t most, Statement& find, std::int64_t number,
             std::string_view what, Take take) -> Result<const typename Map::mapped_type*> {
  if (const auto there = known.find(number); there != known.end()) return &there->second;
  find.bind(1, number);
  const auto row = find.step();
  std::optional<typename Map::mapped_type> made;
  if (row && *row) made = take(find);
  find.reset();
  if (!row) return std::unexpected(row.error());
  if (!made) {
    return fail(fmt::format("there is no {} {}, which rollups are of", what, number),
                ErrorCode::kCorrupt);
  }
  make_room(known, most);
  return &known.insert_or_assign(number, std::move(*made)).first->second;
}

}  // namespace

Result<RollupNumbers> RollupNumbers::prepare(Database& database) {
  RollupNumbers names(database);
  auto prepared = prepare_all(
      database,
      {{&names.find_window_, "SELECT number FROM window_names WHERE name = ?1"},
       {&names.add_window_, "INSERT INTO window_names (name) VALUES (?1)"},
       {&names.find_series_,
        "SELECT number FROM series WHERE track = ?1 AND chassis = ?2 AND tags = ?3"},
       {&names.add_series_, "INSERT INTO series (track, chassis, tags) VALUES (?1, ?2, ?3)"},
       {&names.find_layout_,
        "SELECT number, scales FROM rollup_layouts WHERE fields = ?1 AND statistics = ?2 ORDER BY "
        "number DESC LIMIT 1"},
       {&names.add_layout_,
        "INSERT INTO rollup_layouts (fields, statistics, scales) VALUES (?1, ?2, ?3)"},
       {&names.count_layouts_, "SELECT coalesce(max(number), 0) FROM rollup_layouts"}});
  if (!prepared) return std::unexpected(prepared.error());
  return names;
}

void RollupNumbers::forget() {
  windows_.clear();
  series_.clear();
  layouts_.clear();
}

Result<std::int64_t> RollupNumbers::find_or_add(Statement& find, Statement& add,
                                                std::initializer_list<std::string_view> texts) {
  int place = 0;
  for (const std::string_view text : texts) {
    ++place;
    find.bind(place, text);
    add.bind(place, text);
  }
  const auto found = find.step();
  const std::int64_t number = found && *found ? find.integer(0) : 0;
  find.reset();
  if (!found) return std::unexpected(found.error());
  if (*found) {
    add.reset();
    return number;
  }
  if (auto added = add.run(); !added) return std::unexpected(added.error());
  return database_->last_row();
}

Result<std::int64_t> RollupNumbers::window(std::string_view name) {
  std::string key(name);
  if (const auto known = windows_.find(key); known != windows_.end()) return known->second;
  const auto number = find_or_add(find_window_, add_window_, {name});
  if (!number) return number;
  make_room(windows_, kMostRemembered);
  return windows_[std::move(key)] = *number;
}

Result<std::int64_t> RollupNumbers::known_series(std::string_view track, std::string_view chassis,
                                                 std::string_view tags) {
  const std::string key = series_key(track, chassis, tags);
  if (const auto known = series_.find(key); known != series_.end()) return known->second;
  const auto found = find_series_.bind(1, track).bind(2, chassis).bind(3, tags).step();
  const std::int64_t number = found && *found ? find_series_.integer(0) : 0;
  find_series_.reset();
  if (!found) return std::unexpected(found.error());
  return number;
}

Result<std::int64_t> RollupNumbers::series(std::string_view track, std::string_view chassis,
                                           std::string_view tags) {
  std::string key = series_key(track, chassis, tags);
  if (const auto known = series_.find(key); known != series_.end()) return known->second;
  const auto number = find_or_add(find_series_, add_series_, {track, chassis, tags});
  if (!number) return number;
  make_room(series_, kMostRemembered);
  return series_[std::move(key)] = *number;
}

Result<const RollupNumbers::Layout*> RollupNumbers::layout(const std::string& fields,
                                                           const std::string& statistics,
                                                           const FieldPlaces& places) {
  make_room(layouts_, kMostLayoutsRemembered);
  Layout& layout = layouts_[fields + statistics];
  if (layout.number == 0) {
    find_layout_.bind(1, fields).bind(2, statistics);
    const auto found = find_layout_.step();
    if (found && *found) {
      auto scales = parse_scales(find_layout_.text(1));
      if (scales && scales->size() == places.size()) {
        layout = {find_layout_.integer(0), std::move(*scales)};
      }
    }
    find_layout_.reset();
    if (!found) return std::unexpected(found.error());
  }
  const bool is_enough =
      layout.number != 0 && std::ranges::equal(places, layout.places, std::ranges::less_equal());
  if (is_enough) return &layout;
  const auto counted = count_layouts_.step();
  const std::int64_t count = counted && *counted ? count_layouts_.integer(0) : 0;
  count_layouts_.reset();
  if (!counted) return std::unexpected(counted.error());
  if (count >= kMostLayouts) return layout.number == 0 ? nullptr : &layout;
  FieldPlaces wanted = places;
  for (std::size_t i = 0; i < layout.places.size(); ++i) {
    wanted[i] = std::max(wanted[i], layout.places[i]);
  }
  const std::string scales = scales_text(wanted);
  add_layout_.bind(1, fields).bind(2, statistics).bind(3, scales);
  if (auto added = add_layout_.run(); !added) return std::unexpected(added.error());
  layout = {database_->last_row(), std::move(wanted)};
  return &layout;
}

Result<RollupNames> RollupNames::prepare(Database& database) {
  RollupNames names(database);
  auto prepared = prepare_all(
      database, {{&names.window_, "SELECT name FROM window_names WHERE number = ?1"},
                 {&names.one_series_, "SELECT track, chassis, tags FROM series WHERE number = ?1"},
                 {&names.layout_,
                  "SELECT fields, statistics, scales FROM rollup_layouts WHERE number = ?1"}});
  if (!prepared) return std::unexpected(prepared.error());
  return names;
}

Result<const std::string*> RollupNames::window(std::int64_t number) {
  return look_up(windows_, kMostRemembered, window_, number, "window",
                 [](const Statement& row) { return std::optional(std::string(row.text(0))); });
}

Result<const StoredSeries*> RollupNames::series(std::int64_t number) {
  return look_up(series_, kMostRemembered, one_series_, number, "series", [](const Statement& row) {
    return std::optional(
        StoredSeries{std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2))});
  });
}

Result<const StatsUnpacker*> RollupNames::layout(std::int64_t number) {
  return look_up(layouts_, kMostLayoutsRemembered, layout_, number, "layout",
                 [](const Statement& row) {
                   return StatsUnpacker::of(row.text(0), row.text(1), row.text(2));
                 });
}

Result<std::vector<std::int64_t>> RollupNames::windows_of(std::string_view name) {
  statements_.make_room();
  const auto statement =
      statements_.get(name.empty() ? "SELECT number FROM window_names"
                                   : "SELECT number FROM window_names WHERE name = ?1");
  if (!statement) return std::unexpected(statement.error());
  if (!name.empty()) (*statement)->bind(1, name);
  return numbers(**statement);
}

Result<std::vector<std::int64_t>> RollupNames::series_of(std::string_view track,
                                                         std::string_view chassis,
                                                         const TagFilter& tags) {
  constexpr int kFirstOfTags = 3;
  std::string sql = "SELECT number FROM series WHERE 1";
  if (!track.empty()) sql += " AND track = ?1";
  if (!chassis.empty()) sql += " AND chassis = ?2";
  sql += tag_condition(tags, kFirstOfTags) + " ORDER BY number";
  statements_.make_room();
  const auto statement = statements_.get(sql);
  if (!statement) return std::unexpected(statement.error());
  if (!track.empty()) (*statement)->bind(1, track);
  if (!chassis.empty()) (*statement)->bind(2, chassis);
  bind_tags(**statement, tags, kFirstOfTags);
  return numbers(**statement);
}

}  // namespace slipstream
