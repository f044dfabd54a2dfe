#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "codec/json_decoder.h"
#include "source/mcap_reader.h"
#include "source/recording_decoder.h"

namespace slipstream {

/// Makes points and marks of MCAP's messages. A message is a JSON object, as a client sends one. An
/// object without a time has that at which it was logged. One that names no machine is of the one
/// that its topic names: `/spa/car7` is car7 on spa, which is how slipstream export names topics.
/// Of a topic of one part that is the machine, and the track is `track`. What the object says
/// itself wins. One thread.
class McapPoints {
 public:
  /// `track`: of objects that name none, before what their topic says; empty: as the topic says.
  /// `file_name`: the track where nothing else says one.
  McapPoints(std::string track, std::string file_name)
      : track_(std::move(track)), file_name_(std::move(file_name)) {}

  /// Calls `take` with what the message gives: one point or mark, or nothing where it is refused,
  /// which is counted.
  Result<void> decode(const McapMessage& message, const RecordingDecoder::Take& take);

  const RefusalCounts& refused() const { return refused_; }

 private:
  /// `members`: to stand before the object's own. Nothing: it is taken.
  std::optional<Rejection> try_with(std::string_view members, const McapMessage& message);
  void name_machine(std::string_view topic);

  const std::string track_;
  const std::string file_name_;
  RefusalCounts refused_;
  RecordingDecoder decoder_{
      [](DraftFiller& filler) { return std::make_unique<JsonDecoder>(filler); }};
  std::string text_;
  std::string topic_;  ///< that the members below are of
  std::string track_member_;
  std::string chassis_member_;
};

}  // namespace slipstream
