#include "model/point.h"

#include <xxhash.h>

namespace slipstream {

std::uint64_t series_hash(std::string_view track, std::string_view chassis) {
  return XXH3_64bits_withSeed(chassis.data(), chassis.size(),
                              XXH3_64bits(track.data(), track.size()));
}

std::uint64_t series_hash(std::uint64_t machine_hash, std::string_view tags) {
  return tags.empty() ? machine_hash : XXH3_64bits_withSeed(tags.data(), tags.size(), machine_hash);
}

PointBatchPtr BatchPool::get() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto batch = std::move(idle_.back());
      idle_.pop_back();
      return batch;
    }
  }
  return std::make_unique<PointBatch>();
}

void BatchPool::put(PointBatchPtr batch) {
  if (!batch || batch->text.capacity() + batch->points.capacity() * sizeof(Point) +
                        batch->values.capacity() * sizeof(Value) >
                    max_batch_bytes_) {
    return;
  }
  batch->clear();
  const std::lock_guard lock(mutex_);
  if (idle_.size() < max_idle_) idle_.push_back(std::move(batch));
}

}  // namespace slipstream
