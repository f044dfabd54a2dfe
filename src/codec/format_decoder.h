#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/decoder.h"
#include "codec/draft_filler.h"
#include "codec/row_json.h"
#include "game/packed_format.h"
#include "game/packed_reader.h"

namespace slipstream {

using PackedFormats = std::vector<game::PackedFormat>;

/// Points of packed datagrams that a configuration declares: of the formats of one name, which are
/// without faults (game::check_format), the first whose size and tests fit takes a datagram, and
/// tells one point of it, or one of each car. It keeps nothing of senders. One thread.
class FormatDecoder final : public Decoder {
 public:
  /// At least one.
  FormatDecoder(DraftFiller& filler, std::shared_ptr<const PackedFormats> formats);

  std::size_t decode(std::string_view bytes, const TextOrigin& origin,
                     RejectionSink& rejections) override;
  /// The bytes that were decoded last had no car in them.
  bool kept_last() const override { return kept_last_; }

 private:
  enum class Use : std::uint8_t { kMember, kTime, kTrack, kChassis };
  struct Field {
    Member member;
    Use use = Use::kMember;
    /// Of a scale as 0.001 the 1000: a quotient is rounded once, and so is the decimal that is
    /// meant.
    std::optional<double> divisor = {};
  };
  /// What is made of a format once.
  struct Plan {
    const game::PackedFormat* format;
    std::vector<Field> fields;
    game::Template track;
    game::Template chassis;
    std::size_t present;  ///< a field's number; kAlways: there is a car
  };
  /// What a field says of the car in hand.
  struct Value {
    bool is_there = false;
    bool is_text = false;
    double number = 0;     ///< of a number
    std::int64_t raw = 0;  ///< of a whole number that is as it came
    bool is_raw = false;
    std::string text;  ///< or what the number is written as
  };
  static constexpr std::size_t kAlways = static_cast<std::size_t>(-1);

  Plan plan_of(const game::PackedFormat& format) const;
  static bool fits(const game::PackedFormat& format, std::string_view bytes);
  static void read(const game::PackedReader& bytes, const game::PackedField& field,
                   std::optional<double> divisor, std::size_t car, Value& value);
  void read_all(const Plan& plan, const game::PackedReader& bytes, std::size_t car);
  /// What a placeholder lacks is an error: without it, machines would become one.
  DraftFiller::Outcome write(const game::Template& text, std::string_view sender, std::size_t index,
                             std::string_view what, std::string& out) const;
  DraftFiller::Outcome fill(Plan& plan, const TextOrigin& origin);
  DraftFiller::Outcome take_time(const Value& value, std::string_view name);

  DraftFiller& filler_;
  const std::shared_ptr<const PackedFormats> formats_;
  std::vector<Plan> plans_;  ///< empty before the first datagram
  bool kept_last_ = false;
  // Of the car in hand:
  RowJson json_;
  std::vector<Value> values_;  ///< by the field's number
  std::string track_;
  std::string chassis_;
};

}  // namespace slipstream
