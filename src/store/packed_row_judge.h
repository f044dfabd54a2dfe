#pragma once
#include <string>
#include <string_view>

#include "store/rollup_names.h"
#include "store/sqlite.h"

namespace slipstream {

/// Tells rows of `packed_rollups` that cannot be what was written: that refer to names that there
/// are not, or whose statistics are not of their layout. One thread.
class PackedRowJudge {
 public:
  /// What rows are selected by, all columns of the table in their order among them, from
  /// kFirstOfTable on.
  static constexpr std::string_view kColumns =
      "id, typeof(stats), json_valid(iif(layout IS NULL, stats, '0')), packed_rollups.*";
  static constexpr int kFirstOfTable = 3;
  static constexpr int kTableColumns = 15;

  /// `names`: the database that has the names.
  static Result<PackedRowJudge> of(Database& names) {
    auto prepared = RollupNames::prepare(names);
    if (!prepared) return std::unexpected(prepared.error());
    return PackedRowJudge(std::move(*prepared));
  }

  bool makes_sense(const Statement& row) {
    enum : int { kWindow = 1, kSeries = 2, kCount = 5, kHead = 11, kTail = 12, kLayout = 13 };
    const auto column = [](int of_table) { return kFirstOfTable + of_table; };
    const std::int64_t count = row.integer(column(kCount));
    if (count < 1 || row.blob(column(kHead)).size() != 8 || row.blob(column(kTail)).size() != 8 ||
        !names_.window(row.integer(column(kWindow))) ||
        !names_.series(row.integer(column(kSeries)))) {
      return false;
    }
    const std::int64_t layout = row.integer(column(kLayout));
    if (layout == 0) return row.text(1) == "text" && row.integer(2) == 1;
    const auto unpacker = names_.layout(layout);
    members_.clear();
    return unpacker && row.text(1) == "blob" &&
           (*unpacker)->append(members_, row.blob(column(kTableColumns - 1)),
                               static_cast<std::uint64_t>(count));
  }

 private:
  explicit PackedRowJudge(RollupNames names) : names_(std::move(names)) {}

  RollupNames names_;
  std::string members_;
};

}  // namespace slipstream
