#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "model/point.h"
#include "model/schema.h"
#include "racing/field_set.h"

namespace slipstream {

/// Reads fields of points into members of a struct, which has `lapdist_m` and `speed_kmh` among
/// them. Names are looked up once, when the table has learned them. Borrows the table. One thread.
template <typename Sample>
class FieldMembers {
 public:
  struct Named {
    std::string_view field;
    double Sample::* member;
  };

  /// `named` is there for good: fields beside those two.
  FieldMembers(const FieldTable& fields, std::span<const Named> named)
      : fields_(fields), named_(named) {}

  /// Call it before read(), of each batch.
  void look_up() {
    const std::size_t size = fields_.size();
    if (size == looked_at_) return;
    members_.resize(size, nullptr);
    members_[field::kLapdistM] = &Sample::lapdist_m;
    members_[field::kSpeedKmh] = &Sample::speed_kmh;
    for (std::size_t id = looked_at_; id < size; ++id) {
      const auto found =
          std::ranges::find(named_, fields_.name(static_cast<FieldId>(id)), &Named::field);
      if (found != named_.end()) members_[id] = found->member;
    }
    looked_at_ = size;
    shapes_ = {};
  }

  /// Gives the fields that the point has, until the next call.
  const FieldSet& read(const PointBatch& batch, const Point& point, Sample& sample) {
    const Value* const values = batch.values_begin(point);
    Shape& shape = shapes_[point.value_count % kShapes];
    if (!is_of(shape, values, point.value_count)) learn(shape, values, point.value_count);
    for (const auto& [place, member] : shape.told) sample.*member = values[place].value;
    has_more_ = shape.has_more;
    return shape.all;
  }
  /// Whether the point that was read last has a field beside those two.
  bool has_more() const { return has_more_; }

 private:
  /// Points of a source have the same fields in the same order: what was found in one holds for
  /// the next.
  struct Shape {
    std::vector<FieldId> fields;
    std::vector<std::pair<std::size_t, double Sample::*>> told;  ///< by place
    FieldSet all;
    bool has_more = false;
  };
  static constexpr std::size_t kShapes = 8;

  static bool is_of(const Shape& shape, const Value* values, std::size_t count) {
    if (shape.fields.size() != count) return false;
    const FieldId* wanted = shape.fields.data();
#pragma GCC unroll 4
    for (const Value* value = values; value != values + count; ++value, ++wanted) {
      if (value->field != *wanted) return false;
    }
    return true;
  }
  void learn(Shape& shape, const Value* values, std::size_t count) {
    shape = {};
    for (std::size_t i = 0; i < count; ++i) {
      const FieldId id = values[i].field;
      shape.fields.push_back(id);
      shape.all.add(id);
      // A field that was seen for the first time since is none of these.
      if (id >= members_.size() || members_[id] == nullptr) continue;
      shape.told.emplace_back(i, members_[id]);
      shape.has_more = shape.has_more || (id != field::kLapdistM && id != field::kSpeedKmh);
    }
  }

  const FieldTable& fields_;
  std::span<const Named> named_;
  std::size_t looked_at_ = 0;
  bool has_more_ = false;
  std::vector<double Sample::*> members_;  // by field; null: none
  std::array<Shape, kShapes> shapes_;      // of points, by how many fields they have
};

}  // namespace slipstream
