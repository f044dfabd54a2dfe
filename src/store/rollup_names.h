#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/tags.h"
#include "store/packed_stats.h"
#include "store/sqlite.h"

namespace slipstream {

/// Rollups' names stand in the store once and are referred to by number: windows, series (track,
/// chassis and tags), and layouts (fields, statistics and the fields' decimal places). A number is
/// never given to another name, so that what is remembered of them stays true. Each class is one
/// connection's, one thread at a time; what they remember is bounded.

/// Gives names their numbers, as a part of the caller's transaction.
class RollupNumbers {
 public:
  static Result<RollupNumbers> prepare(Database& database);

  Result<std::int64_t> window(std::string_view name);
  Result<std::int64_t> series(std::string_view track, std::string_view chassis,
                              std::string_view tags);
  /// 0: there is none by that name, and none is made.
  Result<std::int64_t> known_series(std::string_view track, std::string_view chassis,
                                    std::string_view tags);
  struct Layout {
    std::int64_t number = 0;
    FieldPlaces places;
  };
  /// One whose fields have at least so many places. nullptr: there are too many layouts to have
  /// another; the statistics are then kept as they are. Good until the next call.
  Result<const Layout*> layout(const std::string& fields, const std::string& statistics,
                               const FieldPlaces& places);
  /// The transaction was rolled back: none of its numbers counts.
  void forget();

 private:
  explicit RollupNumbers(Database& database) : database_(&database) {}
  Result<std::int64_t> find_or_add(Statement& find, Statement& add,
                                   std::initializer_list<std::string_view> texts);

  Database* database_;
  Statement find_window_, add_window_;
  Statement find_series_, add_series_;
  Statement find_layout_, add_layout_, count_layouts_;
  std::unordered_map<std::string, std::int64_t> windows_;
  std::unordered_map<std::string, std::int64_t> series_;
  std::unordered_map<std::string, Layout> layouts_;
};

struct StoredSeries {
  std::string track;
  std::string chassis;
  std::string tags;
};

/// Gives numbers their names. Errors: kCorrupt, of a number that there is not.
class RollupNames {
 public:
  static Result<RollupNames> prepare(Database& database);

  /// Each good until the next call of the same function.
  Result<const std::string*> window(std::int64_t number);
  Result<const StoredSeries*> series(std::int64_t number);
  Result<const StatsUnpacker*> layout(std::int64_t number);

  /// Of all windows, or of one; none: there is no such window.
  Result<std::vector<std::int64_t>> windows_of(std::string_view name);
  /// Sorted. An empty text asks for any.
  Result<std::vector<std::int64_t>> series_of(std::string_view track, std::string_view chassis,
                                              const TagFilter& tags);

 private:
  explicit RollupNames(Database& database) : statements_(database) {}

  StatementCache statements_;  ///< of lists
  Statement window_;
  Statement one_series_;
  Statement layout_;
  std::unordered_map<std::int64_t, std::string> windows_;
  std::unordered_map<std::int64_t, StoredSeries> series_;
  std::unordered_map<std::int64_t, StatsUnpacker> layouts_;
};

}  // namespace slipstream
