#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "cli/mcap_writer.h"
#include "codec/message_schema.h"
#include "model/mark.h"
#include "model/point.h"

namespace slipstream {

/// Points and marks as messages of an MCAP file: a channel a machine, `/TRACK/CHASSIS`, at the
/// points' event times, and one of marks, `/marks`. The schema of a channel names the members that
/// its points have; where a point has one more, the channel goes on under another number with a
/// schema that has it, too. Memory: McapWriter's, and the members' names. One thread.
class PointMcap {
 public:
  /// Beyond, all further machines share a channel, `/others`.
  static constexpr std::size_t kMostMachines = 4'096;
  /// Of all channels; then schemas name no more members than they do.
  static constexpr std::size_t kMostSchemas = 32'768;

  explicit PointMcap(McapWriter& writer) : writer_(writer) {}

  /// `json`: the point's.
  Result<void> add_point(const PointBatch& batch, const Point& point, std::string_view json);
  Result<void> add_mark(const Mark& mark, std::string_view json);

 private:
  struct Channel {
    std::string topic;
    std::string track;
    std::string chassis;
    MessageSchema schema;
    McapWriter::ChannelId id = 0;
  };

  Channel& channel_of(const PointBatch& batch, const Point& point);
  Channel& channel_of(std::string topic);
  void tell_schema(Channel& channel);

  McapWriter& writer_;
  std::map<std::string, Channel, std::less<>> channels_;  ///< by topic; they stay where they are
  std::unordered_map<std::uint64_t, Channel*> machines_;  ///< by Point::series_hash
  std::size_t schemas_ = 0;
};

}  // namespace slipstream
