#pragma once
#include <charconv>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace slipstream {

/// A stored rollup's row: given out from 1 in the order of commits, without holes; 0: none.
using RollupRow = std::int64_t;

/// How far somebody has read the stored rollups: up to a row, whose window_id it remembers a part
/// of, so that a cursor of another store is told from one of this. As text ("12.9f03a1bc"; "0":
/// before the first) clients carry it about, and need not understand it.
struct RollupCursor {
  RollupRow row = 0;
  std::uint32_t check = 0;

  std::string to_text() const {
    if (row == 0) return "0";
    char text[40];
    char* at = std::to_chars(text, text + 24, row).ptr;
    *at++ = '.';
    return {text, std::to_chars(at, text + sizeof text, check, 16).ptr};
  }
  static std::optional<RollupCursor> parse(std::string_view text) {
    if (text == "0") return RollupCursor{};
    RollupCursor cursor;
    const char* const end = text.data() + text.size();
    const auto row = std::from_chars(text.data(), end, cursor.row);
    if (row.ec != std::errc{} || cursor.row <= 0 || row.ptr == end || *row.ptr != '.') {
      return std::nullopt;
    }
    const auto check = std::from_chars(row.ptr + 1, end, cursor.check, 16);
    if (check.ec != std::errc{} || check.ptr != end) return std::nullopt;
    return cursor;
  }
  /// Of the rollup with this window_id.
  template <typename Bytes>
  static std::uint32_t check_of(const Bytes& window_id) {
    std::uint32_t check = 0;
    for (std::size_t i = 0; i < sizeof check; ++i) {
      check = check << 8 | static_cast<std::uint8_t>(window_id[i]);
    }
    return check;
  }
  friend bool operator==(const RollupCursor&, const RollupCursor&) = default;
};

/// Which stored rollups to read, in the order of their rows.
struct StoredRollupsQuery {
  RollupCursor after = {};
  RollupRow upto = 0;
  std::size_t max_rows = 500;  ///< looked at
  std::size_t max_bytes = std::size_t{256} << 10;
  std::function<bool(std::string_view track, std::string_view chassis, std::string_view tags)>
      keep = {};
};

struct StoredRollups {
  std::vector<std::string> rollups = {};  ///< as JSON
  RollupCursor to = {};     ///< the last one looked at; equals `after` where none was left
  std::uint64_t gone = 0;   ///< rows that were to be looked at, and that retention has removed
  bool is_foreign = false;  ///< the cursor is of another store: nothing was read
};
/// Called on the I/O thread with what was read.
using StoredRollupsTaker = std::function<void(Result<StoredRollups>)>;

}  // namespace slipstream
