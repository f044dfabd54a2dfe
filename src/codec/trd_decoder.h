#pragma once
#include "codec/decoder.h"
#include "codec/json_decoder.h"
#include "codec/trd_csv.h"

namespace slipstream {

/// Points of a whole TRD long CSV export (trd_csv.h). Refused rows count as points, too; the index
/// of a refusal is a row's or, of what is wrong with a whole point, the point's. One thread.
class TrdDecoder final : public Decoder {
 public:
  explicit TrdDecoder(DraftFiller& filler) : json_(filler) {}

  std::size_t decode(std::string_view bytes, const TextOrigin& origin,
                     RejectionSink& rejections) override;

 private:
  JsonDecoder json_;
};

}  // namespace slipstream
