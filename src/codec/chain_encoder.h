#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "codec/bit_stream.h"
#include "codec/chain_model.h"
#include "codec/log_rows.h"
#include "codec/value_form.h"
#include "model/schema.h"

namespace slipstream {

/// Writes rows as payloads of version 3, or 5 with marks (docs/log_payload.md): point by point,
/// each number as what is left of a guess, in bits. Payloads make a chain: the first has all names
/// that it needs, those that build on it only what is new, and guess from what those before them
/// told. A payload of a few points takes no more a point than one of thousands. All memory is kept
/// for the next chain. One thread.
class ChainEncoder {
 public:
  explicit ChainEncoder(const FieldTable& fields);

  /// Replaces `payload`, which begins a chain, or goes on with the one of the payload before where
  /// `may_lean` and it can. False: it is over one of the limits of codec/chain_model.h; `payload`
  /// is of no account, and the next one begins a chain, as after an exception.
  bool encode(const LogRows& rows, bool may_lean, std::string& payload);
  /// Whether the payload goes on with a chain: it can be read only after the one before.
  bool leans() const { return place_ > 0; }
  /// The next payload begins a chain.
  void end_chain() { is_open_ = false; }

 private:
  using Number = std::uint32_t;

  struct Series {
    TextRef track;
    TextRef chassis;
    TextRef tags;
  };
  struct Shape {
    std::uint8_t flags = 0;
    SourceKind source = SourceKind::kUdp;
    std::uint16_t field_count = 0;
    std::uint32_t first_field = 0;  ///< in shape_fields_
  };
  struct Field {
    FieldId id = 0;
    unsigned form = 0;
    chain::Column column = {};
  };
  /// Points of one series that have one shape, and one partition.
  struct Strand {
    Number series = 0;
    Number shape = 0;
    std::uint32_t partition = 0;
    Number next = 0;  ///< what followed it last
    std::array<chain::History, chain::kPlainCount> plain = {};
    std::uint32_t first_value = 0;  ///< in histories_
  };
  /// What a field was in the chains before, so that the next one begins as well as it can.
  struct Known {
    std::uint64_t epoch = 0;  ///< of the chain that it has a number in
    Number number = 0;
    bool has_form = false;
    bool is_sure = false;  ///< the form was chosen for kJudged values or more
    unsigned form = 0;
    bool has_recent = false;
    std::uint32_t recent = 0;       ///< its last values: the place in recent_ ...
    std::uint32_t recent_next = 0;  ///< ... and how many of them there were so far
    unsigned first_exponent = 12;
    unsigned exponent = 6;
  };
  /// How many of each the chain had when the payload began.
  struct Marks {
    std::size_t series, fields, sources, shapes, strands;
    friend bool operator==(const Marks&, const Marks&) = default;
  };
  Marks marks() const {
    return {series_.size(), field_list_.size(), sources_.size(), shapes_.size(), strands_.size()};
  }

  void begin_chain(const LogRows& rows);
  bool can_go_on(const LogRows& rows) const;
  bool is_within_limits() const;
  bool find_strands(const LogRows& rows);
  bool is_strand(const LogRows& rows, const Point& p, std::uint32_t partition, Number number) const;
  Number strand_of(const LogRows& rows, const Point& p, std::uint32_t partition);
  Number series_of(const LogRows& rows, const Point& p);
  Number shape_of(const LogRows& rows, const Point& p);
  Number field_of(FieldId id);
  Number source_of(SourceKind source);
  bool fit_forms(const LogRows& rows);
  unsigned form_of(const LogRows& rows, Number number);
  void judge(const LogRows& rows, Number number);
  void number_again(const LogRows& rows);
  void write_dictionaries(std::string& out) const;
  void write_controls(const LogRows& rows, std::string& out);
  void write_points(const LogRows& rows, std::string& out);
  void write_point(BitWriter& bits, const LogRows& rows, const Point& p, Number number);
  void write_values(BitWriter& bits, const Strand& strand, const Value* values);
  void remember();
  std::string_view text(TextRef ref) const {
    return std::string_view(text_).substr(ref.offset, ref.length);
  }

  const FieldTable& fields_;
  bool is_open_ = false;
  std::size_t place_ = 0;  ///< of the payload in its chain
  std::size_t bytes_ = 0;  ///< of the chain, beyond its first payload
  std::uint8_t unit_ = 0;
  std::int64_t base_time_ = 0;  ///< in the unit
  std::int64_t base_lag_ = 0;
  std::uint64_t epoch_ = 0;
  Marks marks_{};
  std::string text_;  ///< names
  std::vector<Series> series_;
  std::vector<Shape> shapes_;
  std::vector<Number> shape_fields_;
  std::vector<Field> field_list_;
  std::vector<SourceKind> sources_;
  std::vector<Strand> strands_;
  std::vector<chain::History> histories_;
  std::unordered_multimap<std::uint64_t, Number> series_index_;
  std::unordered_multimap<std::uint64_t, Number> shape_index_;
  std::unordered_multimap<std::uint64_t, Number> strand_index_;
  std::array<chain::Column, chain::kPlainCount> plain_;
  chain::History lag_;
  Number last_strand_ = 0;
  std::int64_t last_control_ns_ = 0;
  std::vector<Known> known_;  ///< by FieldId
  std::vector<Number> point_strands_;
  struct Fit {
    std::size_t values = 0;
    std::size_t misfits = 0;
  };
  std::vector<Fit> fits_;  ///< by field
  struct Coded {
    std::uint64_t number = 0;
    bool fits = false;  ///< else the value is told in full
  };
  std::vector<Coded> numbers_;  ///< value by value
  std::size_t next_number_ = 0;
  std::vector<double> column_;
  /// A form is given up for what this many of the last values tell, not for one of them.
  static constexpr std::size_t kJudged = 64;
  std::vector<double> recent_;  ///< so many each, of those fields that have been in a chain
};

}  // namespace slipstream
