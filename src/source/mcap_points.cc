#include "source/mcap_points.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/json_text.h"

namespace slipstream {
namespace {

/// Keeps why the text in hand is refused.
class WhyRefused final : public RejectionSink {
 public:
  void rejected(std::size_t, const Rejection& rejection, std::string_view) override {
    if (!why_) why_ = rejection;
  }
  std::optional<Rejection> take() { return std::exchange(why_, std::nullopt); }

 private:
  std::optional<Rejection> why_;
};

bool is_object(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && text[begin] == '{';
}

std::string json_member_of(std::string_view name, std::string_view text) {
  std::string member;
  append_json_string(member, name);
  member += ':';
  append_json_string(member, text);
  member += ',';
  return member;
}

}  // namespace

Result<void> McapPoints::decode(const McapMessage& message, const RecordingDecoder::Take& take) {
  const auto refuse = [&](const Rejection& why) -> Result<void> {
    decoder_.drop();
    refused_.add(why, fmt::format("channel {}", message.topic), message.data);
    return {};
  };
  if (message.encoding != "json") {
    return refuse(
        {RejectReason::kUnknownFormat,
         fmt::format("its messages are \"{}\", and only \"json\" is read", message.encoding)});
  }
  if (message.log_time_ns > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return refuse({RejectReason::kOutOfRange, "it was logged beyond the year 2262"});
  }
  if (!is_object(message.data)) {
    return refuse({RejectReason::kNotAnObject, "it is no JSON object"});
  }
  auto why = try_with("", message);
  if (why && why->reason == RejectReason::kMissingDimension) {
    name_machine(message.topic);
    // What it names by a synonym is not to be named beside it.
    for (const auto& members :
         {chassis_member_, track_member_, std::string(track_member_ + chassis_member_)}) {
      decoder_.drop();
      why = try_with(members, message);
      if (!why) break;
    }
  }
  if (why) return refuse(*why);
  return decoder_.give(take);
}

std::optional<Rejection> McapPoints::try_with(std::string_view members,
                                              const McapMessage& message) {
  const auto begin = message.data.find('{');
  text_.assign(message.data.substr(0, begin + 1));
  text_ += members;
  text_ += message.data.substr(begin + 1);
  const std::size_t size = text_.size();
  text_.append(Decoder::kPadding, '\0');
  const auto logged_ns = static_cast<std::int64_t>(message.log_time_ns);
  WhyRefused refusal;
  const std::size_t points = decoder_.decode({text_.data(), size},
                                             {.source = SourceKind::kReplay,
                                              .arrival = {logged_ns},
                                              .written = EventTime{logged_ns},
                                              .is_body = true},
                                             refusal);
  if (auto why = refusal.take()) return why;
  if (points > 1) return Rejection{RejectReason::kMalformedJson, "it is more than one object"};
  return std::nullopt;
}

void McapPoints::name_machine(std::string_view topic) {
  if (topic == topic_ && !chassis_member_.empty()) return;
  topic_ = topic;
  while (topic.starts_with('/')) topic.remove_prefix(1);
  std::string_view track = track_;
  std::string_view chassis = topic;
  const auto slash = topic.find('/');
  if (track.empty() && slash != std::string_view::npos) {
    track = topic.substr(0, slash);
    chassis = topic.substr(slash + 1);
  }
  static const SchemaOptions kNames;
  track_member_ = json_member_of(kNames.track, track.empty() ? file_name_ : track);
  chassis_member_ = json_member_of(kNames.chassis, chassis);
}

}  // namespace slipstream
