#include "source/replay_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <limits>

#include "base/json_text.h"
#include "codec/point_decoder.h"
#include "codec/trd_csv.h"
#include "net/body_encoding.h"
#include "source/peer_table.h"

namespace slipstream {
namespace {

constexpr std::size_t kMaxUnpackedBytes = std::size_t{4} << 30;

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

/// What gzip or zstd packed, told by its first bytes, whatever the file is called.
Result<std::string> unpacked(std::string text, const std::filesystem::path& file) {
  using std::string_view_literals::operator""sv;
  const auto packing = text.starts_with("\x1f\x8b"sv)           ? "gzip"sv
                       : text.starts_with("\x28\xb5\x2f\xfd"sv) ? "zstd"sv
                                                                : ""sv;
  auto whole = decode_body(std::move(text), packing, kMaxUnpackedBytes);
  if (!whole) {
    return fail(
        whole.error() == DecodeFault::kTooLarge
            ? fmt::format("{}: more than {} GiB once unpacked", file.string(),
                          kMaxUnpackedBytes >> 30)
            : fmt::format("{}: it begins like {}, but is cut or damaged", file.string(), packing));
  }
  whole->reserve(whole->size() + JsonDecoder::kPadding);
  return std::move(*whole);
}

Result<std::string> read_text(const std::filesystem::path& file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) {
    return fail(fmt::format("{} is a directory", file.string()));
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::unexpected(errno_error(file.string(), errno));
  const auto size = std::filesystem::file_size(file, error);
  std::string text;
  text.reserve((error ? 0 : size) + JsonDecoder::kPadding);
  text.assign(std::istreambuf_iterator<char>(in), {});
  if (in.bad()) return fail(fmt::format("{}: reading failed", file.string()));
  return unpacked(std::move(text), file);
}

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
  if (!batch) return;
  recording.points.reserve(batch->points.size());
  for (const auto& point : batch->points) {
    recording.points.push_back(
        {point.event_time.ns, point.event_time.ns, std::string(batch->json(point))});
  }
}

}  // namespace

Result<Recording> read_recording(const std::filesystem::path& file, const std::string& track,
                                 const SchemaOptions& schema) {
  auto text = read_text(file);
  if (!text) return std::unexpected(text.error());
  Recording recording;
  FirstErrors errors(recording);
  if (looks_like_trd(*text)) {
    for (auto& point : pivot_trd(*text, track, errors)) {
      recording.points.push_back({point.receipt_ns, point.event_time.ns, std::move(point.json)});
    }
  } else {
    decode_all(*text, track, schema, errors, recording);
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
