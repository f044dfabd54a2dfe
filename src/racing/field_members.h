#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "model/point.h"
#include "model/schema.h"

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
  }

  void read(const PointBatch& batch, const Point& point, Sample& sample) const {
    read(batch, point, sample, [](FieldId) {});
  }
  /// `see`: called with each field that the point has.
  template <typename See>
  void read(const PointBatch& batch, const Point& point, Sample& sample, See see) const {
    for (auto v = batch.values_begin(point); v != batch.values_end(point); ++v) {
      see(v->field);
      // A field that was seen for the first time since is none of these.
      if (v->field >= members_.size() || members_[v->field] == nullptr) continue;
      sample.*members_[v->field] = v->value;
    }
  }

 private:
  const FieldTable& fields_;
  std::span<const Named> named_;
  std::size_t looked_at_ = 0;
  std::vector<double Sample::*> members_;  // by field; null: none
};

}  // namespace slipstream
