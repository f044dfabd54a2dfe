#include "derive/derived_fields.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/number_text.h"
#include "model/tags.h"

namespace slipstream {
namespace {

constexpr std::uint8_t kVersion = 1;

std::uint64_t hash_of(std::string_view text, std::uint64_t seed) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

bool is_among(const std::vector<DerivedField>& fields, std::string_view name) {
  return std::ranges::find(fields, name, &DerivedField::name) != fields.end();
}

/// Why a derived field may not be called so.
std::optional<std::string> refused(const std::string& name, const SchemaOptions& schema) {
  if (name.empty() || name.size() > Schema::kMaxFieldNameBytes) {
    return fmt::format("a name of 1 to {} bytes is expected", Schema::kMaxFieldNameBytes);
  }
  for (const std::string* const member : {&schema.time, &schema.track, &schema.chassis, &schema.lap,
                                          &schema.sector, &schema.sequence}) {
    if (name == *member) return fmt::format("\"{}\" says which point it is: no field", name);
  }
  if (name == tags::kMember || std::ranges::find(schema.tags, name) != schema.tags.end()) {
    return fmt::format("\"{}\" is a tag's: no field", name);
  }
  return std::nullopt;
}

}  // namespace

std::expected<std::unique_ptr<DerivedFields>, std::vector<ListedFault>> DerivedFields::compile(
    Schema& schema) {
  std::unique_ptr<DerivedFields> made(new DerivedFields(schema));
  std::vector<ListedFault> faults;
  const auto& wanted = schema.options().derived;
  const auto place_of = [&](std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(wanted, name, &DerivedField::name) -
                                    wanted.begin());
  };
  std::vector<std::uint64_t> keys;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::uint64_t key = hash_of(wanted[i].expression, hash_of(wanted[i].name, 0));
    const auto check = [&](std::string_view name) -> std::optional<std::string> {
      const std::size_t place = place_of(name);
      if (place < i) key = hash_of(name, key ^ keys[place]);
      if (place < i || place == wanted.size()) return std::nullopt;
      if (place == i) return fmt::format("\"{}\" would be made of itself", name);
      return fmt::format("\"{}\" is declared below: a derived field is made of those above it",
                         name);
    };
    auto expression = Expression::compile(wanted[i].expression, false, made->inputs_, check);
    keys.push_back(key);
    if (auto why = refused(wanted[i].name, schema.options())) {
      faults.push_back({i, std::move(*why)});
    } else if (!expression) {
      faults.push_back({i, expression.error().to_text()});
    } else if (i >= kMost) {
      faults.push_back({i, fmt::format("there are at most {} derived fields", kMost)});
    } else if (const auto id = schema.fields().intern(wanted[i].name)) {
      const std::size_t first_memory = made->fresh_.size();
      expression->append_fresh(made->fresh_);
      made->fields_.push_back({.expression = std::move(*expression),
                               .slot = made->inputs_.slot_of(wanted[i].name),
                               .id = *id,
                               .member = fmt::format(",\"{}\":", schema.fields().json_name(*id)),
                               .first_memory = first_memory,
                               .key = key});
    }
  }
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return made;
}

std::vector<DerivedField> derived_of_a_point_alone(Schema& schema) {
  const SchemaOptions& options = schema.options();
  PointInputs inputs(schema);
  std::vector<DerivedField> alone;
  for (const DerivedField& field : options.derived) {
    bool is_alone = true;
    const auto look = [&](std::string_view name) -> std::optional<std::string> {
      const bool is_derived = is_among(options.derived, name);
      const bool is_found = is_among(alone, name);
      const bool is_put_in = name == options.lap || name == options.sector;
      is_alone = is_alone && !is_put_in && (!is_derived || is_found);
      return std::nullopt;
    };
    const auto expression = Expression::compile(field.expression, false, inputs, look);
    if (expression && expression->memory_count() == 0 && is_alone) alone.push_back(field);
  }
  return alone;
}

std::size_t DerivedFields::compute(PointBatch& batch, Point& point, FunctionMemories& memories,
                                   std::string* members) {
  inputs_.load(batch, point);
  computed_.clear();
  std::size_t left_out = 0;
  for (Field& field : fields_) {
    const bool has_own = inputs_.has(field.slot);
    const auto value = field.expression.evaluate(
        std::span(memories).subspan(field.first_memory, field.expression.memory_count()));
    if (!value || has_own) continue;
    inputs_.set(field.slot, *value);
    if (point.value_count + computed_.size() == Schema::kMaxFieldsPerPoint) {
      ++left_out;
      continue;
    }
    computed_.push_back({*value, field.id});
    if (members == nullptr) continue;
    *members += field.member;
    char digits[kNumberChars];
    members->append(digits, write_number(digits, *value));
  }
  if (computed_.empty()) return left_out;
  const std::size_t first = batch.values.size();
  const std::size_t before = point.value_count;
  if (point.first_value + before != first) {
    batch.values.resize(first + before);
    std::copy_n(batch.values.begin() + point.first_value, before,
                batch.values.begin() + static_cast<std::ptrdiff_t>(first));
    point.first_value = static_cast<std::uint32_t>(first);
  }
  batch.values.insert(batch.values.end(), computed_.begin(), computed_.end());
  point.value_count = static_cast<std::uint16_t>(before + computed_.size());
  return left_out;
}

void DerivedFields::save(const FunctionMemories& memories, std::string& out) const {
  CHECK(memories.size() == fresh_.size(), "a series remembers what the expressions ask for");
  ByteWriter writer(out);
  writer.fixed(kVersion);
  std::string bytes;
  for (const Field& field : fields_) {
    bytes.clear();
    ByteWriter inner(bytes);
    for (std::size_t i = 0; i < field.expression.memory_count(); ++i) {
      slipstream::save(memories[field.first_memory + i], inner);
    }
    if (bytes.empty()) continue;
    writer.fixed(field.key);
    writer.text(bytes);
  }
}

Result<void> DerivedFields::restore(std::string_view bytes, FunctionMemories& memories) const {
  memories = fresh_;
  ByteReader in(bytes);
  if (in.fixed<std::uint8_t>() != kVersion) {
    return fail("saved derived fields: not of a known version", ErrorCode::kVersion);
  }
  while (in.ok() && in.left() > 0) {
    const auto key = in.fixed<std::uint64_t>();
    ByteReader inner(in.text());
    const auto field = std::ranges::find(fields_, key, &Field::key);
    if (!in.ok() || field == fields_.end()) continue;
    for (std::size_t i = 0; i < field->expression.memory_count(); ++i) {
      slipstream::restore(memories[field->first_memory + i], inner);
    }
    if (!inner.at_end()) return fail("saved derived fields: damaged", ErrorCode::kCorrupt);
  }
  if (!in.ok()) return fail("saved derived fields: damaged", ErrorCode::kCorrupt);
  return {};
}

}  // namespace slipstream
