#pragma once
#include <string_view>

#include "codec/members.h"
#include "codec/point_builder.h"

namespace slipstream {

/// Reads the points that nearly all senders send in one pass: an object of known members, without
/// white space between its tokens, escapes, or bytes that are not ASCII, its numbers without
/// exponents. Of anything else, good or bad, it takes nothing: JsonDecoder decides on it. What both
/// take they take alike (fuzzed).
class PlainJson {
 public:
  explicit PlainJson(MemberTable& members) : members_(members) {}

  /// Reads the object at the start of `text`, behind which JsonDecoder::kPadding bytes are
  /// readable, into `draft`. Returns its length; 0, with a draft that is to be cleared, when it is
  /// not plain.
  std::size_t read(std::string_view text, Draft& draft);

 private:
  Member* member_at(const char*& at, const char* end, Member& previous);

  MemberTable& members_;
};

}  // namespace slipstream
