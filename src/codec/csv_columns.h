#pragma once
#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/csv_dialect.h"
#include "codec/draft_filler.h"
#include "codec/synonyms.h"

namespace slipstream {

/// The member that tells who sent a text.
inline constexpr std::string_view kRawSource = "raw_source";
/// That a header may have.
inline constexpr std::size_t kMaxCsvColumns = 512;

/// What a column of a CSV text holds.
struct CsvColumn {
  Member member;           ///< the column's own, so that its field is looked up once a text
  std::string given = {};  ///< what its header calls it
  /// Of a time under a name that is not the configured one: a number there that is before the year
  /// 2000 counts from something else, and is a field of this name.
  std::optional<Member> ordinary = {};
  bool is_raw_source = false;  ///< the server's own, where it knows who sent the text
};

/// The columns of a CSV text, by its header or by position. Borrows the filler. One thread.
class CsvColumns {
 public:
  explicit CsvColumns(DraftFiller& filler);

  /// Those of the wire contract, in their order: time, track, chassis, lap, the well-known fields.
  std::vector<CsvColumn>& fixed() { return fixed_; }
  /// Whether a first row names columns: no cell is a number or a time, and one is a known name; or
  /// no cell but track and chassis could stand in its place among the fixed columns.
  bool is_header(const std::vector<std::string_view>& cells, const CsvDialect& dialect) const;
  /// Maps a header of up to kMaxCsvColumns cells, and keeps the columns in named(). Names are
  /// compared without regard to case; of several that could be one member the configured name is
  /// it, then the first of its synonyms, and the others stay columns of their own names. Error: one
  /// that the rows cannot be read by, as a message for whoever sent it. `has_track`: the text is
  /// known to be of some track.
  std::expected<void, std::string> map(const std::vector<std::string_view>& cells,
                                       const CsvDialect& dialect, bool has_track);
  /// Without those at the end that have no name.
  std::vector<CsvColumn>& named() { return named_; }
  /// Of named(): those that could be a row's time, where the time's own column says nothing, the
  /// likeliest first.
  const std::vector<std::size_t>& other_times() const { return other_times_; }

 private:
  struct Meaning {
    Synonym synonym;        ///< kOther: of none
    std::string name = {};  ///< kOther: the column's
  };

  CsvColumn column(std::string_view name) const;
  Meaning meaning_of(std::string_view cell) const;
  std::expected<void, std::string> check(const CsvDialect& dialect, bool has_track) const;
  std::string found_names() const;

  DraftFiller& filler_;
  std::vector<CsvColumn> fixed_;
  std::vector<CsvColumn> named_;
  std::vector<std::size_t> other_times_;
  const std::vector<Synonym> known_;  ///< all that have a place of their own in a point
};

}  // namespace slipstream
