#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/rollups_csv.h"
#include "base/error.h"
#include "codec/rollup_json.h"

namespace slipstream {

/// Asks the store, or the memory of windows that are not stored. What it gives is read before it
/// returns, so that nothing is held between two calls.
using ReadRollups = std::function<Result<RollupPage>(const RollupQuery&)>;

/// The rollups of one page, read a few at a time. One thread at a time.
class PageReader {
 public:
  /// About what is read at once.
  static constexpr std::size_t kPieceBytes = std::size_t{64} << 10;

  /// At most `max_bytes` of rollups as JSON, but one always.
  PageReader(ReadRollups read, RollupQuery query, std::size_t max_bytes);

  /// None: the page has ended. Errors: kRefused of a bad cursor; of the store.
  Result<RollupPage> next();
  bool has_ended() const { return has_ended_; }
  /// Once it has ended: the next page's, where there is one.
  const std::optional<std::string>& next_cursor() const { return next_cursor_; }

 private:
  ReadRollups read_;
  RollupQuery query_;  ///< its cursor stands behind what was read, its limit is what is left
  std::size_t bytes_left_;
  bool has_any_ = false;
  bool has_ended_ = false;
  std::optional<std::string> next_cursor_;
};

/// An answer of /api/rollups, made piece by piece as it is sent: a piece is all that is held. It
/// has at most as many rollups as the query's limit and about `max_bytes`; what follows is the next
/// page, whose cursor it tells. A rollup that is committed or removed meanwhile may be in it or
/// not. One thread at a time.
class RollupsAnswer {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{16} << 20;

  virtual ~RollupsAnswer() = default;
  /// Does a part of what must be known before the first piece; true: all is. Others may have their
  /// turn in between.
  virtual Result<bool> prepare() { return true; }
  /// Empty: that was all. Errors: as PageReader's.
  virtual Result<std::string> next_piece() = 0;
  /// No piece follows but an empty one.
  virtual bool is_whole() const = 0;
};

/// {"rollups":[...],"next":CURSOR or null}
class RollupsJson final : public RollupsAnswer {
 public:
  RollupsJson(ReadRollups read, RollupQuery query, std::size_t max_bytes = kMaxBytes);
  Result<std::string> next_piece() override;
  bool is_whole() const override { return is_whole_; }

 private:
  PageReader page_;
  bool has_begun_ = false;
  bool has_rollups_ = false;
  bool is_whole_ = false;
};

/// A table. Its header names the columns of all rows, and its cursor stands in the answer's head:
/// so it goes through the page twice, and the second time gives what stands between the first and
/// the last place of the first.
class RollupsTable final : public RollupsAnswer {
 public:
  RollupsTable(ReadRollups read, RollupQuery query, CsvTexts texts,
               std::size_t max_bytes = kMaxBytes);
  Result<bool> prepare() override;
  /// Once it is prepared.
  Result<std::string> next_piece() override;
  bool is_whole() const override { return is_whole_; }
  /// Once it is prepared: the next page's, where there is one.
  const std::optional<std::string>& next_cursor() const { return next_cursor_; }

 private:
  bool learn(const RollupPage& piece);
  void begin_rows();

  const ReadRollups read_;
  RollupQuery query_;
  const std::size_t max_bytes_;
  RollupsCsv csv_;
  PageReader learning_;
  std::size_t learnt_rows_ = 0;
  std::size_t learnt_bytes_ = 0;
  std::optional<std::string> next_cursor_;
  std::optional<PageReader> rows_;  ///< once the columns are known
  bool has_header_ = false;
  bool is_whole_ = false;
};

}  // namespace slipstream
