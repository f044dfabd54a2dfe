#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/schema.h"

namespace slipstream {

/// Numbers of fields, as bits. Those of a usual table take no memory beside it. One thread.
class FieldSet {
 public:
  void add(FieldId id) {
    if (id < 64 * kFewWords) {
      few_[id / 64] |= bit(id);
    } else {
      add_rare(id);
    }
  }
  void add(const FieldSet& other) {
    for (std::size_t i = 0; i < kFewWords; ++i) few_[i] |= other.few_[i];
    for (const FieldId id : other.more_) add_rare(id);
  }
  bool has(FieldId id) const {
    if (id < 64 * kFewWords) return (few_[id / 64] & bit(id)) != 0;
    return std::ranges::binary_search(more_, id);
  }
  /// Behind the last.
  std::size_t end() const {
    if (!more_.empty()) return more_.back() + std::size_t{1};
    for (std::size_t id = 64 * kFewWords; id > 0; --id) {
      if (has(static_cast<FieldId>(id - 1))) return id;
    }
    return 0;
  }
  /// By the new number of each; nothing: it has none.
  FieldSet renamed(const std::vector<std::optional<FieldId>>& to) const {
    FieldSet renamed;
    for (std::size_t id = 0; id < to.size(); ++id) {
      if (to[id] && has(static_cast<FieldId>(id))) renamed.add(*to[id]);
    }
    return renamed;
  }
  void clear() {
    few_ = {};
    more_.clear();
  }

  template <typename Archive>
  void keep(Archive& archive) {
    for (std::uint64_t& word : few_) archive(word);
    archive(more_);
  }

 private:
  static constexpr std::size_t kFewWords = 4;

  static std::uint64_t bit(FieldId id) { return std::uint64_t{1} << (id % 64); }
  void add_rare(FieldId id) {
    const auto place = std::ranges::lower_bound(more_, id);
    if (place == more_.end() || *place != id) more_.insert(place, id);
  }

  std::array<std::uint64_t, kFewWords> few_{};
  std::vector<FieldId> more_;  // sorted
};

}  // namespace slipstream
