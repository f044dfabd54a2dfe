#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "codec/line_reader.h"
#include "codec/point_builder.h"

namespace slipstream {

/// Points from InfluxDB's line protocol. Tags and strings are members with a text, the measurement
/// is the track where no tag or field is, the timestamp the event time. Of a name that comes twice
/// the last value counts. Where the schema wants a number (lap, sector, known fields) a tag's text
/// is read as one. One thread.
class LineDecoder {
 public:
  explicit LineDecoder(PointBuilder& builder) : builder_(builder) {}

  /// `unit_ns`: nanoseconds of a timestamp's unit. Returns how many points the text held, refused
  /// ones included.
  std::size_t decode(std::string_view text, std::int64_t unit_ns, const TextOrigin& origin,
                     RejectionSink& rejections);

 private:
  using Outcome = std::expected<void, Rejection>;

  Outcome decode_line(const LineReader& reader, std::int64_t unit_ns, const TextOrigin& origin);
  Outcome decode_member(const LineMember& member, bool has_timestamp);
  Outcome decode_time(const LineMember& member);
  Outcome decode_number(const LineMember& member);
  Outcome decode_other(const LineMember& member);
  void mark_repeated(const std::vector<LineMember>& members);
  void open_member(std::string_view name);
  void carry_text(const LineMember& member);

  PointBuilder& builder_;
  Draft draft_;
  std::vector<std::pair<std::string_view, std::size_t>> by_name_;
  std::vector<bool> is_repeated_;  ///< of each member: another of its name stands further back
  std::string json_;               ///< the line as a JSON object
  std::size_t lap_offset_ = 0;     ///< where the lap stands in it
  std::size_t lap_length_ = 0;
};

}  // namespace slipstream
