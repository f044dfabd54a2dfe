#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipstream {

/// The tags of a series beside its machine (track and chassis), as one text: the members of a JSON
/// object, sorted by name, each name once: `"cpu":"cpu0","mode":"user"`. Two series are the same
/// where their machines and these texts are equal. Empty: the machine itself.
namespace tags {
/// A point's member that is an object of its tags.
inline constexpr std::string_view kMember = "tags";
/// Before a tag's name, where somebody asks for it.
inline constexpr std::string_view kPrefix = "tag.";
inline constexpr std::size_t kMaxTags = 32;  ///< of a point
inline constexpr std::size_t kMaxNameBytes = 128;
inline constexpr std::size_t kMaxValueBytes = 256;
}  // namespace tags

struct Tag {
  std::string_view name;
  std::string_view value;
  friend auto operator<=>(const Tag&, const Tag&) = default;
};

/// Appends a tag behind those that `text` has; names come in their order.
void append_tag(std::string& text, const Tag& tag);

/// Goes through a tags text. What it gives is spelled as JSON spells it, without the quotes. One
/// thread.
class TagsReader {
 public:
  explicit TagsReader(std::string_view text) : rest_(text) {}
  /// Nothing at the end, and where the text is no tags text.
  std::optional<Tag> next();

 private:
  std::string_view rest_;
};

/// What somebody wants of series: of each name one of some values. Immutable once it is in use; two
/// that want the same are equal, in whatever order it was said.
class TagFilter {
 public:
  /// Further values of a name that was given are choices, too.
  void add(std::string_view name, std::string_view value);
  bool is_empty() const { return wanted_.empty(); }
  std::size_t values() const;
  bool matches(std::string_view tags) const;

  struct Wanted {
    std::string name;
    std::vector<std::string> values;  ///< sorted, each once
    std::string spelled_name;         ///< as JSON spells it, without the quotes
    std::vector<std::string> spelled_values;
    std::string spelled = {};  ///< where there is one value: the tag as a tags text has it
    friend bool operator==(const Wanted&, const Wanted&) = default;
  };
  const std::vector<Wanted>& wanted() const { return wanted_; }
  friend bool operator==(const TagFilter&, const TagFilter&) = default;

 private:
  std::vector<Wanted> wanted_;  // sorted by name
};

}  // namespace slipstream
