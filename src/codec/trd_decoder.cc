#include "codec/trd_decoder.h"

namespace slipstream {
namespace {

/// Passes refusals on, counted, with the index of the point in hand.
class Counted final : public RejectionSink {
 public:
  explicit Counted(RejectionSink& sink) : sink_(sink) {}

  void rejected(std::size_t index, const Rejection& rejection, std::string_view sample) override {
    ++count;
    sink_.rejected(first_index + index, rejection, sample);
  }

  std::size_t count = 0;
  std::size_t first_index = 0;

 private:
  RejectionSink& sink_;
};

}  // namespace

std::size_t TrdDecoder::decode(std::string_view bytes, const TextOrigin& origin,
                               RejectionSink& rejections) {
  Counted counted(rejections);
  auto points = pivot_trd(bytes, origin.track, counted);
  const std::size_t rows_refused = counted.count;
  for (auto& point : points) {
    point.json.reserve(point.json.size() + kPadding);
    json_.decode(point.json, origin, counted);
    ++counted.first_index;
  }
  return points.size() + rows_refused;
}

}  // namespace slipstream
