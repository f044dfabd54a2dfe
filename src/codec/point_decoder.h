#pragma once
#include <string_view>

#include "codec/csv_decoder.h"
#include "codec/decoders.h"
#include "codec/json_decoder.h"
#include "codec/line_decoder.h"

namespace slipstream {

/// The decoders of text, with all that they need but the batches: for whoever knows his format
/// (recordings, tests), or wants it told (decode()). One thread.
class PointDecoder {
 public:
  PointDecoder(Schema& schema, IngestStats& stats, BatchWriter& writer)
      : builder_(schema, stats, writer) {}

  /// In whichever format it is. Returns how many points the text held, refused ones included.
  std::size_t decode(std::string_view text, const TextOrigin& origin, RejectionSink& rejections) {
    return any_.decode(text, origin, rejections);
  }

  JsonDecoder& json() { return json_; }
  CsvDecoder& csv() { return csv_; }
  LineDecoder& lines() { return lines_; }
  DraftFiller& filler() { return filler_; }

 private:
  PointBuilder builder_;
  DraftFiller filler_{builder_};
  JsonDecoder json_{filler_};
  CsvDecoder csv_{filler_};
  LineDecoder lines_{filler_};
  AutoDecoder any_{filler_};
};

}  // namespace slipstream
