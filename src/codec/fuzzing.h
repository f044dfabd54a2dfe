#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "codec/point_decoder.h"

namespace slipstream::codec_fuzzing {

/// Decodes a text with `decode` and holds the outcome to what every decoder promises: the points of
/// the text are those refused and those taken, what was taken lies within its batch, and its JSON
/// can be decoded again. Ends the process where it does not.
class Harness final : public RejectionSink {
 public:
  void rejected(std::size_t, const Rejection& rejection, std::string_view) override {
    if (rejection.message.empty()) std::abort();
    ++refused_;
  }

  template <typename Decode>
  void run(const std::uint8_t* data, std::size_t size, Decode decode) {
    run({reinterpret_cast<const char*>(data), size}, decode);
  }

  /// Also tells what came of the text: what was refused, and each point without its white space.
  template <typename Decode>
  std::vector<std::string> run(std::string_view input, Decode decode) {
    for (auto& batch : writer_.open()) {
      if (batch) batch->clear();
    }
    refused_ = 0;
    std::string text(input);
    text.reserve(input.size() + JsonDecoder::kPadding);
    const TextOrigin origin{.arrival = {1'757'000'000'000'000'000}, .peer = "udp:127.0.0.1:9"};
    const std::size_t points = decode(decoder_, std::string_view(text), origin, *this);
    std::size_t taken = 0;
    for (const auto& batch : writer_.open()) {
      if (!batch) continue;
      taken += batch->points.size();
      for (const auto& point : batch->points) check(*batch, point);
    }
    if (points != taken + refused_) std::abort();
    std::vector<std::string> outcome{fmt::format("{} refused", refused_)};
    for (const auto& batch : writer_.open()) {
      for (std::size_t i = 0; batch && i < batch->points.size(); ++i) {
        outcome.push_back(describe(*batch, batch->points[i]));
      }
    }
    return outcome;
  }

 private:
  static std::string describe(const PointBatch& batch, const Point& point) {
    std::string json(batch.json(point));
    std::erase(json, ' ');
    auto text =
        fmt::format("{} of {} at {}, lap {} ({}), sector {}, number {}, texts {}: {}",
                    batch.chassis(point), batch.track(point), point.event_time.ns, point.lap,
                    point.lap_is_fault, point.sector, point.sequence, point.has_texts, json);
    for (auto v = batch.values_begin(point); v != batch.values_end(point); ++v) {
      text += fmt::format(" {}={}", v->field, v->value);
    }
    return text;
  }

  void check(const PointBatch& batch, const Point& point) {
    for (const TextRef ref : {point.json, point.track, point.chassis, point.lap_literal}) {
      if (std::size_t{ref.offset} + ref.length > batch.text.size()) std::abort();
    }
    if (std::size_t{point.first_value} + point.value_count > batch.values.size()) std::abort();
    if (point.track.length == 0 || point.chassis.length == 0) std::abort();
    std::string json(batch.json(point));
    json.reserve(json.size() + JsonDecoder::kPadding);
    simdjson::ondemand::parser parser;
    auto document = parser.iterate(json.data(), json.size(), json.capacity());
    simdjson::ondemand::object object;
    if (document.get_object().get(object) != simdjson::SUCCESS) std::abort();
    for (auto member : object) {
      std::string_view raw;
      if (member.error() != simdjson::SUCCESS) std::abort();
      if (member.value().raw_json_token().get(raw) != simdjson::SUCCESS) std::abort();
    }
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) std::abort();
  }

  Schema schema_{{.sequence = "seq"}};
  IngestStats stats_;
  BatchPool pool_;
  BatchWriter writer_{3, pool_};
  PointDecoder decoder_{schema_, stats_, writer_};
  std::size_t refused_ = 0;
};

}  // namespace slipstream::codec_fuzzing
