#pragma once
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "codec/point_decoder.h"
#include "codec/trd_csv.h"

namespace slipstream::codec_testing {

/// Decodes texts that must be good into batches of its own.
class Points final : public RejectionSink {
 public:
  explicit Points(SchemaOptions options = {}, std::uint32_t partitions = 1)
      : schema_(std::move(options)), writer_(partitions, pool_) {}

  void add(std::string text, ArrivalTime arrival, SourceKind source = SourceKind::kUdp) {
    text.reserve(text.size() + JsonDecoder::kPadding);
    decoder_.decode(text, {source, arrival}, *this);
  }
  /// Of a TRD export, as many as there are or `most`, each at its receipt.
  void add_export(const std::string& file, std::size_t most) {
    std::ifstream in(file);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    std::size_t added = 0;
    for (const auto& point : pivot_trd(text, "", *this)) {
      if (added++ == most) break;
      add(point.json, {point.receipt_ns});
    }
  }
  Schema& schema() { return schema_; }
  /// nullptr where nothing came.
  PointBatchPtr take(std::uint32_t partition = 0) {
    return std::move(writer_.open().at(partition));
  }

  void rejected(std::size_t, const Rejection& rejection, std::string_view) override {
    throw std::runtime_error(rejection.message);
  }

 private:
  Schema schema_;
  IngestStats stats_;
  BatchPool pool_;
  BatchWriter writer_;
  PointDecoder decoder_{schema_, stats_, writer_};
};

}  // namespace slipstream::codec_testing
