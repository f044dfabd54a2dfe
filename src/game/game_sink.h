#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "game/layout.h"
#include "model/mark.h"

namespace slipstream::game {

/// Where a datagram of a game came from and when.
struct Receipt {
  std::uint64_t sender = 0;  ///< tells senders apart
  ArrivalTime arrival;
};

/// A text that is a member of a point.
struct TextCell {
  std::string_view name;
  std::string_view text;
};

/// One car at one instant, as a game tells it. All views are valid during the call alone.
struct GamePoint {
  EventTime time;
  ArrivalTime arrival;
  std::uint64_t sender = 0;
  std::string_view track;
  std::string_view chassis;
  std::string_view source_game;
  std::string_view session;                ///< empty: the game tells none
  std::optional<bool> is_restricted = {};  ///< the player hides part of it; not known: absent
  std::span<const Cell> numbers = {};
  std::span<const TextCell> texts = {};
};

/// Takes what a game's decoder finds, points and marks in their order.
class GameSink {
 public:
  virtual ~GameSink() = default;
  virtual void point(const GamePoint& point) = 0;
  virtual void mark(Mark mark) = 0;
};

/// Reads rows into the numbers of one point. What no number can be (NaN, infinite) is left out, and
/// what is not known. Holds as many as there are columns. One thread.
class Cells {
 public:
  void clear() { count_ = 0; }
  void add(ColumnId column, double value) {
    if (!(value - value == 0) || count_ == kMax) return;
    cells_[count_++] = {value, column};
  }
  /// The element that begins at `at`, of so many bytes, within which all rows lie. `is_hidden`:
  /// without what is zero then.
  void read(const PackedReader& bytes, std::size_t at, std::size_t size, std::span<const Row> rows,
            bool is_hidden = false) {
    if (const auto part = bytes.part(at, size)) {
      read(*part, 0, rows, is_hidden);
    } else {
      read(bytes, at, rows, is_hidden);
    }
  }
  std::span<const Cell> all() const { return std::span(cells_).first(count_); }

 private:
  static constexpr std::size_t kMax = 192;

  template <typename Bytes>
  void read(const Bytes& bytes, std::size_t at, std::span<const Row> rows, bool is_hidden) {
    for (const Row& row : rows) {
      double value = raw_number(bytes, row.wire, at + row.offset);
      if (row.meaning != Meaning::kAlways) {
        if (row.meaning == Meaning::kHidden && is_hidden) continue;
        if (row.meaning == Meaning::kNotNegative && value < 0) continue;
        if (row.meaning == Meaning::kReverseIsZero && value == 0) value = -1;
      }
      add(row.column, row.is_scaled ? row.scale.of(value) : value);
    }
  }

  std::array<Cell, kMax> cells_;
  std::size_t count_ = 0;
};

}  // namespace slipstream::game
