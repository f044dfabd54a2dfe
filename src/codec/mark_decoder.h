#pragma once
#include <simdjson.h>

#include <cstddef>
#include <expected>
#include <string_view>

#include "codec/decoder.h"
#include "codec/draft_filler.h"

namespace slipstream {

/// Reads a mark as a JSON object, a note unless it says another kind. What it does not know it
/// refuses, since a mark stays for good; refused ones are counted. One thread.
class MarkReader {
 public:
  explicit MarkReader(PointBuilder& builder) : builder_(builder) {}

  /// Gives it to the builder's MarkSink.
  std::expected<void, Rejection> take(std::string_view text, const TextOrigin& origin);

 private:
  std::expected<Mark, Rejection> read(std::string_view text, const TextOrigin& origin);

  PointBuilder& builder_;
  simdjson::dom::parser parser_;
};

/// One mark as a JSON object, which somebody writes by hand. One thread.
class MarkDecoder final : public Decoder {
 public:
  explicit MarkDecoder(DraftFiller& filler) : reader_(filler.builder()) {}

  /// A mark is no point: 1 where it is refused.
  std::size_t decode(std::string_view bytes, const TextOrigin& origin,
                     RejectionSink& rejections) override;
  bool kept_last() const override { return took_last_; }

 private:
  MarkReader reader_;
  bool took_last_ = false;
};

}  // namespace slipstream
