#pragma once
#include <string_view>

#include "codec/csv_decoder.h"
#include "codec/json_decoder.h"
#include "codec/line_decoder.h"
#include "codec/point_builder.h"

namespace slipstream {

/// Points from text in whichever format it is, told by its first byte: `{` JSON or NDJSON, `[` an
/// array; else by the shape of its first line: line protocol (timestamps in ns) or CSV. One thread.
/// Texts need JsonDecoder::kPadding readable bytes behind them.
class PointDecoder {
 public:
  PointDecoder(Schema& schema, IngestStats& stats, BatchWriter& writer)
      : builder_(schema, stats, writer) {}

  /// Returns how many points the text held, refused ones included; 0 for an empty text.
  std::size_t decode(std::string_view text, const TextOrigin& origin, RejectionSink& rejections) {
    text = without_byte_order_mark(text);
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return 0;
    if (text[begin] == '{' || text[begin] == '[') return json_.decode(text, origin, rejections);
    if (LineReader::looks_like_lines(text)) return lines_.decode(text, 1, origin, rejections);
    return csv_.decode(text, origin, rejections);
  }

  JsonDecoder& json() { return json_; }
  CsvDecoder& csv() { return csv_; }
  LineDecoder& lines() { return lines_; }

 private:
  PointBuilder builder_;
  DraftFiller filler_{builder_};
  JsonDecoder json_{filler_};
  CsvDecoder csv_{filler_};
  LineDecoder lines_{filler_};
};

}  // namespace slipstream
