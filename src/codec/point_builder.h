#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/iso_time.h"
#include "codec/text_origin.h"
#include "model/ingest_stats.h"
#include "model/mark.h"
#include "model/point.h"
#include "model/rejection.h"
#include "model/tags.h"

namespace slipstream {

/// When a batch is closed and the next one begun, so that those who pass it on hold no large ones.
struct BatchLimits {
  std::size_t points = std::numeric_limits<std::size_t>::max();
  std::size_t text_bytes = std::numeric_limits<std::size_t>::max();
};

/// One open batch a partition, which decoders append to, and the full ones before it. One thread.
class BatchWriter {
 public:
  BatchWriter(std::uint32_t partitions, BatchPool& pool, BatchLimits limits = {})
      : open_(partitions), pool_(pool), limits_(limits) {}

  PointBatch& batch_for(std::uint64_t series_hash) {
    const auto partition = static_cast<std::uint32_t>(series_hash % open_.size());
    auto& batch = open_[partition];
    if (batch && (batch->points.size() >= limits_.points ||
                  batch->text.size() >= limits_.text_bytes)) [[unlikely]] {
      close(batch);
    }
    if (!batch) {
      batch = pool_.get();
      batch->partition = partition;
    }
    return *batch;
  }
  /// Batches by partition, nullptr where nothing came. Whoever takes one leaves nullptr.
  std::vector<PointBatchPtr>& open() { return open_; }
  BatchPool& pool() { return pool_; }

  /// Begins a text. Of its points no more than so many bytes (PointBatch::bytes()) are kept, by
  /// full batches: beyond, bytes() tells what they would take.
  void begin(std::size_t max_bytes);
  /// Of all points since begin().
  std::size_t bytes() const;
  /// What comes from here on goes into other batches than what came before. So many batches are
  /// before it in take_all().
  std::size_t cut();
  /// All batches with points, a partition's in order; none is left.
  std::vector<PointBatchPtr> take_all();
  /// None is left, whatever was in them.
  void discard();

 private:
  void close(PointBatchPtr& batch);

  std::vector<PointBatchPtr> open_;
  std::vector<PointBatchPtr> full_;
  BatchPool& pool_;
  const BatchLimits limits_;
  std::size_t full_bytes_ = 0;  ///< of those that are gone, too
  std::size_t max_bytes_ = std::numeric_limits<std::size_t>::max();
};

class Member;

/// A member of a JSON object whose name is a synonym: what becomes of it is told once the whole
/// object is read (DraftFiller).
struct SynonymSeen {
  Member* member = nullptr;
  std::string_view key;      ///< in the JSON, with its quotes
  std::string_view literal;  ///< of the value, in the JSON
  std::string_view text;     ///< what a string says
  double number = 0;         ///< where it is none
  bool is_text = false;
};

/// A piece of a point's JSON that goes on as another.
struct JsonEdit {
  std::string_view where;
  std::string_view text;
};

/// A point while it is decoded. Views refer to the input text or to the decoder.
struct Draft {
  std::string_view track;
  std::string_view chassis;
  std::optional<std::int64_t> event_ns;
  std::optional<std::int64_t> lap;
  std::optional<std::int64_t> sector;
  std::optional<std::uint64_t> sequence;
  /// The name of a member that looks like a time, or of a synonym's that would be an early one.
  std::string_view time_like;
  bool is_time_early = false;
  std::string_view lap_literal;   ///< in `json`, when it stands there
  std::string_view time_literal;  ///< likewise; where it is not in the normal form it is rewritten
  std::array<Value, Schema::kMaxFieldsPerPoint> values;
  std::size_t value_count = 0;
  std::array<std::uint64_t, 4> seen{};  ///< bit (id % 256) of every value's field
  bool has_texts = false;               ///< `json` says more than what stands above
  std::string_view json;                ///< the whole object
  static constexpr std::size_t kMaxSynonyms = 24;
  std::array<SynonymSeen, kMaxSynonyms> synonyms;
  std::size_t synonym_count = 0;
  /// Members that go on by their configured names: where the names that they came by stand.
  struct Renamed {
    std::string_view key;
    const std::string* to = nullptr;
  };
  std::array<Renamed, 3> renamed;
  std::size_t renamed_count = 0;
  /// Of the series beside its machine; whatever is given of one name, the last counts.
  struct GivenTag : Tag {
    bool is_told = false;  ///< as a tag, and not by a member that the schema names
  };
  std::array<GivenTag, tags::kMaxTags> tags;
  std::size_t tag_count = 0;
  std::string_view tags_literal;  ///< an object of tags in `json`, where that has one
  bool has_tags_member = false;   ///< `json` has something else by that name

  /// Whether a member was there at all, though perhaps null or empty.
  static bool is_given(std::string_view dimension) { return dimension.data() != nullptr; }
  /// False: there are too many.
  bool add_synonym(const SynonymSeen& synonym) {
    // Of a name that stands twice the later one counts, as of any member.
    for (std::size_t i = 0; i < synonym_count; ++i) {
      if (synonyms[i].member != synonym.member) continue;
      synonyms[i] = synonym;
      return true;
    }
    if (synonym_count == synonyms.size()) return false;
    synonyms[synonym_count++] = synonym;
    return true;
  }

  /// Adds a value, unless the field may have one already or no more fit.
  bool add_new(FieldId id, double value) {
    std::uint64_t& word = seen[id / 64 % seen.size()];
    const std::uint64_t bit = std::uint64_t{1} << (id % 64);
    if ((word & bit) != 0 || value_count == values.size()) return false;
    word |= bit;
    values[value_count++] = {value, id};
    return true;
  }
  /// False: there are too many.
  bool add_tag(std::string_view name, std::string_view value, bool is_told) {
    for (std::size_t i = 0; i < tag_count; ++i) {
      if (tags[i].name != name) continue;
      tags[i].value = value;
      tags[i].is_told |= is_told;
      return true;
    }
    if (tag_count == tags.size()) return false;
    tags[tag_count++] = {{name, value}, is_told};
    return true;
  }
  void remove_tag(std::string_view name) {
    const auto end = tags.begin() + static_cast<std::ptrdiff_t>(tag_count);
    tag_count = static_cast<std::size_t>(
        std::remove_if(tags.begin(), end, [name](const GivenTag& t) { return t.name == name; }) -
        tags.begin());
  }
  void remove(FieldId id) {
    const auto end = values.begin() + static_cast<std::ptrdiff_t>(value_count);
    value_count = static_cast<std::size_t>(
        std::remove_if(values.begin(), end, [id](const Value& v) { return v.field == id; }) -
        values.begin());
  }
  void clear() {
    track = chassis = lap_literal = time_literal = json = {};
    event_ns.reset();
    lap.reset();
    sector.reset();
    sequence.reset();
    tags_literal = time_like = {};
    is_time_early = false;
    value_count = synonym_count = renamed_count = tag_count = 0;
    seen = {};
    has_texts = has_tags_member = false;
  }
};

/// Validates drafts and appends the good ones to their batches, with what they lack filled in.
/// One thread.
class PointBuilder {
 public:
  PointBuilder(Schema& schema, IngestStats& stats, BatchWriter& writer)
      : schema_(schema), stats_(stats), writer_(writer) {}

  /// The field of that name, which gets its id now where it is new: the one place at which names
  /// come in. Nothing: no more names fit, which is counted; the number stays in the draft's text. A
  /// name that is too long refuses the point, so that its sender is told.
  std::expected<std::optional<FieldId>, Rejection> field_named(Draft& draft, std::string_view name);
  /// Adds a field, replacing one of the same id; a field too many is counted and left out.
  void add_value(Draft& draft, FieldId id, double value) {
    if (!draft.add_new(id, value)) add_crowded(draft, id, value);
  }
  std::expected<void, Rejection> finish(const Draft& draft, const TextOrigin& origin);

  /// Where marks go; without one nobody wants them. It outlives the builder.
  void send_marks_to(MarkSink& sink) { marks_ = &sink; }
  bool takes_marks() const { return marks_ != nullptr; }
  /// Of what is behind the points that were finished, and before those that will be.
  void mark(const Mark& mark) {
    if (marks_ != nullptr) marks_->accept(mark);
  }

  Schema& schema() { return schema_; }
  IngestStats& stats() { return stats_; }
  BatchWriter& writer() { return writer_; }

 private:
  void add_crowded(Draft& draft, FieldId id, double value);
  std::expected<void, Rejection> validate(const Draft& draft, const TextOrigin& origin) const;
  void plan_edits(const Draft& draft, const TextOrigin& origin);
  std::string_view write_time(std::int64_t ns);
  void hint_at_time(const Draft& draft, const TextOrigin& origin);
  void write_tags(const Draft& draft, const TextOrigin& origin);
  std::expected<void, Rejection> admit(const Draft& draft, std::uint64_t machine,
                                       const TextOrigin& origin);
  TextRef append_json(PointBatch& batch, const Draft& draft);
  TextRef locate(PointBatch& batch, TextRef json, const Draft& draft, std::string_view part) const;

  Schema& schema_;
  IngestStats& stats_;
  BatchWriter& writer_;
  MarkSink* marks_ = nullptr;
  std::vector<JsonEdit> edits_;  ///< of the point in hand, in their order; few
  IsoTimeWriter times_;
  std::array<char, kIsoTimeChars + 2> time_text_;  ///< of the point in hand, in quotes
  std::array<std::string, 3> names_;               ///< that renamed members go on by, likewise
  std::string tags_object_;
  std::string suffix_;  ///< members that it lacks
  std::string tags_;    ///< of its series (model/tags.h)
  std::vector<Tag> sorted_tags_;
};

/// "lap" and "sector" from a number: refuses fractions, and what is outside of [0, max].
std::expected<std::int64_t, Rejection> to_index(double value, std::string_view member,
                                                std::int64_t max);

std::unexpected<Rejection> reject(RejectReason reason, std::string message);

}  // namespace slipstream
