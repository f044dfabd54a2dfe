#pragma once
#include <simdjson.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/csv_text.h"
#include "codec/decoder.h"
#include "codec/draft_filler.h"
#include "codec/mark_decoder.h"
#include "codec/plain_json.h"

namespace slipstream {

/// JSON points: one object, an array of objects, or objects separated by newlines (NDJSON). Objects
/// of "type":"mark" among them are marks, in their place among the points. A bad
/// point costs none of its neighbours: where a parser would give up the rest, the text is cut into
/// its elements and each is parsed alone.
/// One thread. Parsing is simdjson's On-Demand, but of what PlainJson takes; the order of members
/// is learned from the point before, so that a known sender costs one comparison a member.
class JsonDecoder final : public Decoder {
 public:
  explicit JsonDecoder(DraftFiller& filler);

  /// Returns how many points the text held, refused ones and refused marks included.
  std::size_t decode(std::string_view text, const TextOrigin& origin,
                     RejectionSink& rejections) override;
  /// The same, every line a document: NDJSON said by a content type.
  std::size_t decode_lines(std::string_view text, const TextOrigin& origin,
                           RejectionSink& rejections);
  bool kept_last() const override { return marks_ > 0; }

 private:
  using Outcome = DraftFiller::Outcome;

  // These return how many elements they went through, marks among them.
  std::size_t decode_text(std::string_view text, const TextOrigin& origin,
                          RejectionSink& rejections);
  std::size_t decode_lines(std::string_view text, const TextOrigin& origin, std::size_t index,
                           RejectionSink& rejections);
  std::size_t take_plain(std::string_view text, std::string_view ends, const TextOrigin& origin,
                         std::size_t index, RejectionSink& rejections);
  void decode_document(std::string_view text, const TextOrigin& origin, std::size_t index,
                       RejectionSink& rejections);
  std::size_t decode_array(std::string_view text, const TextOrigin& origin, std::size_t index,
                           RejectionSink& rejections);
  std::size_t decode_elements(std::string_view text, bool after_comma, const TextOrigin& origin,
                              std::size_t index, RejectionSink& rejections);
  Outcome decode_single(std::string_view text, const TextOrigin& origin);
  Outcome decode_object(simdjson::ondemand::object& object, std::string_view text);
  Outcome decode_member(Member& member, const char* name, simdjson::ondemand::value& value);
  Outcome decode_number(Member& member, const char* name, simdjson::ondemand::value& value);
  Outcome decode_text(Member& member, const char* name, simdjson::ondemand::value& value);
  Outcome decode_null(Member& member, simdjson::ondemand::value& value);
  Outcome decode_tags(Member& member, simdjson::ondemand::value& value);
  Member* member_of(const char* name, simdjson::ondemand::field& field, Member*& previous);

  DraftFiller& filler_;
  simdjson::ondemand::parser parser_;
  PlainJson plain_;
  MarkReader mark_reader_;
  std::size_t marks_ = 0;  ///< of the text in hand
};
static_assert(Decoder::kPadding >= simdjson::SIMDJSON_PADDING);

/// JSON points, every line a document, whatever it begins with. One thread.
class JsonLinesDecoder final : public Decoder {
 public:
  explicit JsonLinesDecoder(DraftFiller& filler) : json_(filler) {}

  std::size_t decode(std::string_view text, const TextOrigin& origin,
                     RejectionSink& rejections) override {
    return json_.decode_lines(text, origin, rejections);
  }
  bool kept_last() const override { return json_.kept_last(); }

 private:
  JsonDecoder json_;
};

}  // namespace slipstream
