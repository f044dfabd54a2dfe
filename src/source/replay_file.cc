#include "source/replay_file.h"

#include <fmt/format.h>

#include <limits>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "codec/mark_json.h"
#include "codec/point_decoder.h"
#include "codec/trd_csv.h"
#include "source/mcap_format.h"
#include "source/peer_table.h"
#include "source/unpacked_file.h"

namespace slipstream {
namespace {

class FirstErrors final : public RejectionSink {
 public:
  explicit FirstErrors(Recording& recording) : recording_(recording) {}
  void rejected(std::size_t index, const Rejection& rejection, std::string_view sample) override {
    ++recording_.refused;
    ++recording_.reasons[std::string(to_string(rejection.reason))];
    if (recording_.errors.size() == 10) return;
    recording_.errors.push_back(fmt::format("point {}: {}: {} in: {}", index + 1,
                                            to_string(rejection.reason), rejection.message,
                                            printable_sample(sample, 80)));
  }

 private:
  Recording& recording_;
};

/// Marks, and behind how many points of the batch in hand each of them stands.
class MarksAmong final : public MarkSink {
 public:
  explicit MarksAmong(BatchWriter& writer) : writer_(writer) {}

  void accept(const Mark& mark) override {
    const auto& batch = writer_.open().front();
    marks_.emplace_back(batch ? batch->points.size() : 0, mark);
  }
  /// Those before that point.
  void take_up_to(std::size_t point, std::vector<ReplayPoint>& into) {
    for (; next_ < marks_.size() && marks_[next_].first <= point; ++next_) {
      const Mark& mark = marks_[next_].second;
      into.push_back(
          {.pace_ns = mark.time.ns, .event_ns = mark.time.ns, .json = {}, .is_mark = true});
      append_mark_json(into.back().json, mark);
    }
  }
  std::size_t size() const { return marks_.size(); }

 private:
  BatchWriter& writer_;
  std::vector<std::pair<std::size_t, Mark>> marks_;
  std::size_t next_ = 0;
};

/// The array in {"telemetry":[...]}, else the text as it is.
std::string_view unwrapped(std::string_view text) {
  simdjson::ondemand::parser parser;
  const simdjson::padded_string_view padded(text.data(), text.size(),
                                            text.size() + JsonDecoder::kPadding);
  simdjson::ondemand::document document;
  simdjson::ondemand::array points;
  std::string_view raw;
  if (parser.iterate(padded).get(document) == simdjson::SUCCESS &&
      document["telemetry"].get_array().get(points) == simdjson::SUCCESS &&
      points.raw_json().get(raw) == simdjson::SUCCESS) {
    return raw;
  }
  return text;
}

void decode_all(std::string_view text, std::string_view track, const SchemaOptions& options,
                FirstErrors& errors, Recording& recording) {
  text = bare_text(text);
  SchemaOptions lenient = options;
  lenient.future_skew_ms = std::numeric_limits<std::int64_t>::max() / kNsPerSecond;
  Schema schema(lenient);
  IngestStats stats;
  BatchPool pool;
  BatchWriter writer(1, pool);
  PointDecoder decoder(schema, stats, writer);
  MarksAmong marks(writer);
  decoder.filler().builder().send_marks_to(marks);
  const TextOrigin origin{.source = SourceKind::kReplay,
                          .arrival = SystemClock().now(),
                          .is_body = true,
                          .track = track};
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return;
  if (text[begin] == '[') {
    decoder.json().decode(text, origin, errors);
  } else if (text[begin] == '{') {
    const auto array = unwrapped(text);
    if (array.data() == text.data()) {
      decoder.json().decode_lines(text, origin, errors);
    } else {
      decoder.json().decode(array, origin, errors);
    }
  } else {
    decoder.csv().decode(text, origin, errors);
  }
  const auto& batch = writer.open().front();
  const std::size_t points = batch ? batch->points.size() : 0;
  recording.points.reserve(points + marks.size());
  for (std::size_t i = 0; i < points; ++i) {
    marks.take_up_to(i, recording.points);
    const Point& point = batch->points[i];
    recording.points.push_back(
        {point.event_time.ns, point.event_time.ns, std::string(batch->json(point))});
  }
  marks.take_up_to(points, recording.points);
}

}  // namespace

Result<Recording> read_recording(const std::filesystem::path& file, const std::string& track,
                                 const SchemaOptions& schema) {
  auto read = read_unpacked(file);
  if (!read) return std::unexpected(read.error());
  if (!read->fault.empty()) return fail(std::move(read->fault));
  const std::string& text = read->bytes;
  if (text.starts_with(mcap::kMagic)) {
    return fail(fmt::format("{} is an MCAP file that is packed: unpack it first", file.string()));
  }
  Recording recording;
  FirstErrors errors(recording);
  if (looks_like_trd(text)) {
    for (auto& point : pivot_trd(text, track, errors)) {
      recording.points.push_back({point.receipt_ns, point.event_time.ns, std::move(point.json)});
    }
  } else {
    decode_all(text, track, schema, errors, recording);
  }
  if (recording.points.empty()) {
    return fail(fmt::format("{} holds no valid point{}{}", file.string(),
                            recording.errors.empty() ? "" : "; first error: ",
                            recording.errors.empty() ? "" : recording.errors.front()));
  }
  return recording;
}

std::string with_event_time(const ReplayPoint& point, const std::string& time_member,
                            std::int64_t event_ns) {
  std::string text = point.json;
  text.reserve(text.size() + JsonDecoder::kPadding);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  std::string_view old_time;
  std::string new_time;
  append_json_time(new_time, event_ns);
  if (parser.iterate(text.data(), text.size(), text.capacity()).get(document) ==
          simdjson::SUCCESS &&
      document[time_member].raw_json_token().get(old_time) == simdjson::SUCCESS) {
    const auto offset = static_cast<std::size_t>(old_time.data() - text.data());
    return text.replace(offset, old_time.size(), new_time);
  }
  text.pop_back();
  std::string member;
  append_json_string(member, time_member);
  return text + (text.size() > 1 ? "," : "") + member + ":" + new_time + "}";
}

}  // namespace slipstream
