#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "model/point.h"

namespace slipstream {

/// Which series: its track, chassis and tags, as one text, since a partition keeps as many as
/// 100,000 of them. Immutable.
class SeriesName {
 public:
  SeriesName() = default;
  SeriesName(std::string_view track, std::string_view chassis, std::string_view tags)
      : chassis_at_(static_cast<std::uint32_t>(track.size())),
        tags_at_(static_cast<std::uint32_t>(track.size() + chassis.size())) {
    text_.reserve(tags_at_ + tags.size());
    text_.append(track).append(chassis).append(tags);
  }
  SeriesName(const PointBatch& batch, const Point& point)
      : SeriesName(batch.track(point), batch.chassis(point), batch.tags(point)) {}

  std::string_view track() const { return text().substr(0, chassis_at_); }
  std::string_view chassis() const { return text().substr(chassis_at_, tags_at_ - chassis_at_); }
  std::string_view tags() const { return text().substr(tags_at_); }
  std::uint64_t machine_hash() const { return series_hash(track(), chassis()); }
  std::uint64_t hash() const { return series_hash(machine_hash(), tags()); }

 private:
  std::string_view text() const { return text_; }

  std::string text_;
  std::uint32_t chassis_at_ = 0;
  std::uint32_t tags_at_ = 0;
};

}  // namespace slipstream
