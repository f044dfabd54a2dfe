#pragma once
#include <simdjson.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "codec/point_builder.h"

namespace slipstream {

/// JSON points: one object, an array of objects, or objects separated by newlines (NDJSON). A bad
/// point costs none of its neighbours: where a parser would give up the rest, the text is cut into
/// its elements and each is parsed alone.
/// One thread. Parsing is simdjson's On-Demand; the order of members is learned from the point
/// before, so that a known sender costs one comparison a member.
class JsonDecoder {
 public:
  /// Bytes that must be readable (not valid) behind every text given to a decoder.
  static constexpr std::size_t kPadding = simdjson::SIMDJSON_PADDING;

  explicit JsonDecoder(PointBuilder& builder);

  /// Returns how many points the text held, refused ones included.
  std::size_t decode(std::string_view text, const TextOrigin& origin, RejectionSink& rejections);
  /// The same, every line a document: NDJSON said by a content type.
  std::size_t decode_lines(std::string_view text, const TextOrigin& origin,
                           RejectionSink& rejections);

 private:
  enum class Role : std::uint8_t { kTime, kTrack, kChassis, kLap, kSector, kSequence, kField, kOther };
  struct Member {
    std::string name;
    Role role = Role::kOther;
    FieldId id = 0;
    bool interned = false;       ///< kField: `id` is valid
    Member* likely_next = nullptr;
  };
  using Outcome = std::expected<void, Rejection>;

  void decode_document(std::string_view text, const TextOrigin& origin, std::size_t index,
                       RejectionSink& rejections);
  std::size_t decode_array(std::string_view text, const TextOrigin& origin, std::size_t index,
                           RejectionSink& rejections);
  std::size_t decode_elements(std::string_view text, bool after_comma, const TextOrigin& origin,
                              std::size_t index, RejectionSink& rejections);
  Outcome decode_single(std::string_view text, const TextOrigin& origin);
  Outcome decode_object(simdjson::ondemand::object& object, std::string_view text);
  Outcome decode_member(const Member& member, simdjson::ondemand::value& value);
  Outcome decode_number(const Member& member, simdjson::ondemand::value& value);
  Outcome decode_text(const Member& member, simdjson::ondemand::value& value);
  Outcome decode_null(const Member& member, simdjson::ondemand::value& value);
  Member& member_of(simdjson::ondemand::field& field, Member*& previous);
  std::optional<FieldId> field_id(const Member& member);

  PointBuilder& builder_;
  simdjson::ondemand::parser parser_;
  Draft draft_;
  boost::unordered_flat_map<std::string_view, std::unique_ptr<Member>> members_;
  Member first_;     ///< stands before the first member of every object
  Member overflow_;  ///< the member whose name is not remembered, since too many are
};

}  // namespace slipstream
