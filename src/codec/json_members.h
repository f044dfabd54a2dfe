#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "model/schema.h"

namespace slipstream {

/// What a member of a JSON point is for.
enum class JsonRole : std::uint8_t {
  kTime,
  kTrack,
  kChassis,
  kLap,
  kSector,
  kSequence,
  kField,
  kOther
};

class JsonMember {
 public:
  JsonMember() = default;
  JsonMember(std::string_view name, JsonRole role);

  const std::string& name() const { return name_; }
  /// The name is written without escapes.
  bool is_plain() const { return is_plain_; }
  /// Whether `raw`, behind which eight bytes more than the name are readable, is the name and a
  /// closing quote.
  bool is_spelled(const char* raw) const {
    const char* spelled = spelled_.data();
    for (std::size_t i = 0; i < whole_words_; ++i, raw += kWord, spelled += kWord) {
      if (word_at(raw) != word_at(spelled)) return false;
    }
    return ((word_at(raw) ^ word_at(spelled)) & rest_mask_) == 0;
  }

  JsonRole role = JsonRole::kOther;
  FieldId id = 0;
  bool interned = false;              ///< kField: `id` is valid
  JsonMember* likely_next = nullptr;  ///< the plain member that followed this one last

 private:
  static constexpr std::size_t kWord = sizeof(std::uint64_t);

  static std::uint64_t word_at(const char* bytes) {
    std::uint64_t word;
    std::memcpy(&word, bytes, kWord);
    return word;
  }

  std::string name_;
  bool is_plain_ = false;
  std::string spelled_ = std::string(kWord, '\0');  ///< name and closing quote, up to a whole word
  std::size_t whole_words_ = 0;
  std::uint64_t rest_mask_ = 0;  ///< the bytes of the last word that count
};

/// The members that points have had, by name. Bounded. One thread.
class JsonMembers {
 public:
  explicit JsonMembers(const SchemaOptions& names);

  /// Stands before the first member of every object.
  JsonMember& start() { return start_; }
  /// nullptr when no point has had it.
  JsonMember* find(std::string_view name);
  /// Where no more are remembered, or none of so long a name, the same member for all, which has
  /// the name until the next call.
  JsonMember& find_or_add(std::string_view name);
  bool is_remembered(const JsonMember& member) const { return &member != &overflow_; }

 private:
  static constexpr std::size_t kMaxMembers = 8192;

  JsonMember& add(std::string_view name, JsonRole role);

  boost::unordered_flat_map<std::string_view, std::unique_ptr<JsonMember>> by_name_;
  JsonMember start_;
  JsonMember overflow_;
};

}  // namespace slipstream
