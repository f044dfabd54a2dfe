#pragma once
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "codec/point_decoder.h"

namespace slipstream {

/// A decoder of any format with what it took and refused.
struct Refused {
  std::size_t index;
  RejectReason reason;
  std::string message;
};

class PointDecoderTest : public testing::Test, public RejectionSink {
 protected:
  explicit PointDecoderTest(SchemaOptions options = {}) : schema_(std::move(options)) {}

  void rejected(std::size_t index, const Rejection& rejection, std::string_view) override {
    refused_.push_back({index, rejection.reason, rejection.message});
  }
  std::string padded(std::string_view text) {
    std::string copy(text);
    copy.append(JsonDecoder::kPadding, '\0');
    return copy;
  }
  std::size_t decode(std::string_view text) {
    refused_.clear();
    for (auto& batch : writer_.open()) batch.reset();
    const std::string copy = padded(text);
    return decoder_.decode({copy.data(), text.size()},
                           {SourceKind::kUdp, {kNow}, "udp:127.0.0.1:5"}, *this);
  }
  /// One point or refusal, as a body of CSV with a header.
  void decode_table(std::string_view text, std::string_view peer = "http:127.0.0.1") {
    const std::string copy = padded(text);
    EXPECT_EQ(
        decoder_.csv().decode({copy.data(), text.size()}, {SourceKind::kHttp, {kNow}, peer}, *this),
        1u);
  }
  std::vector<std::string> jsons() {
    std::vector<std::string> all;
    for (auto& batch : writer_.open()) {
      if (!batch) continue;
      for (const auto& p : batch->points) {
        all.emplace_back(batch->json(p));
        simdjson::dom::parser parser;
        EXPECT_TRUE(parser.parse(all.back()).is_object()) << all.back();
      }
    }
    return all;
  }
  const PointBatch& batch() { return *writer_.open().at(0); }
  const Point& point(std::size_t i = 0) { return batch().points.at(i); }
  double value(FieldId id) { return batch().value_or_nan(point(), id); }

  static constexpr std::int64_t kNow = 1'757'000'000'000'000'000;
  Schema schema_;
  IngestStats stats_;
  BatchPool pool_;
  BatchWriter writer_{1, pool_};
  PointDecoder decoder_{schema_, stats_, writer_};
  std::vector<Refused> refused_;
};

}  // namespace slipstream
