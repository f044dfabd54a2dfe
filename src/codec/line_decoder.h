#pragma once
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "codec/decoder.h"
#include "codec/draft_filler.h"
#include "codec/line_machine.h"
#include "codec/line_reader.h"
#include "codec/row_json.h"

namespace slipstream {

/// Points from InfluxDB's line protocol. Tags tell a machine's series apart, strings are members
/// with a text, the timestamp is the event time. The measurement is the track where no tag or field
/// is, else it is the tag `measurement`; LineMachine tells the machine where nothing else does, and
/// a tag that served as that is none any more. Of a name that comes twice the last value counts: a
/// field takes a tag's place as a member, and leaves it a tag. Where the schema wants a number
/// (lap, sector, known fields) a tag's text is read as one. One thread.
class LineDecoder final : public Decoder {
 public:
  explicit LineDecoder(DraftFiller& filler) : filler_(filler) {}

  std::size_t decode(std::string_view text, const TextOrigin& origin,
                     RejectionSink& rejections) override;

 private:
  using Outcome = DraftFiller::Outcome;

  Outcome decode_line(const LineReader& reader, const TextOrigin& origin);
  /// What the line is of, as far as no member of its own says it.
  Outcome decode_origin(const LineReader& reader);
  /// `is_repeated`: another of its name stands further back.
  Outcome decode_member(const LineMember& given, bool is_repeated, bool has_timestamp);
  Outcome decode_tag(const LineMember& given, bool is_repeated);
  bool takes_no_place(const LineMember& member) const;
  Outcome decode_placeless(const LineMember& given);
  Outcome decode_time(Member& member, const LineMember& given);
  Outcome decode_number(Member& member, const LineMember& given);
  void mark_repeated(const std::vector<LineMember>& members);

  DraftFiller& filler_;
  LineMachine machine_;
  std::string_view served_;  ///< the tag of the line in hand that names its machine
  std::vector<std::pair<std::string_view, std::size_t>> by_name_;
  std::vector<bool> is_repeated_;  ///< of each member: another of its name stands further back
  RowJson json_;                   ///< of the line
};

}  // namespace slipstream
