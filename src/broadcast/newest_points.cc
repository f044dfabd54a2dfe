#include "broadcast/newest_points.h"

#include "base/check.h"
#include "broadcast/telemetry_batcher.h"

namespace slipstream {

void NewestPoints::put(std::uint64_t series_hash, std::string_view json) {
  ++version_;
  if (const auto known = by_hash_.find(series_hash); known != by_hash_.end()) {
    known->second->json = json;
    known->second->version = version_;
    entries_.splice(entries_.end(), entries_, known->second);
    return;
  }
  if (entries_.size() >= max_series_) {
    CHECK(!entries_.empty(), "there is room for one series at least");
    forgotten_ = entries_.front().version;
    by_hash_.erase(entries_.front().series_hash);
    entries_.pop_front();
  }
  entries_.push_back({series_hash, version_, std::string(json)});
  by_hash_.emplace(series_hash, std::prev(entries_.end()));
  CHECK(entries_.size() == by_hash_.size(), "each series stands once in the list and in its index");
}

NewestPoints::Update NewestPoints::since(std::uint64_t version, std::uint64_t upto) const {
  Update update{.message = std::string(TelemetryBatcher::kHead)};
  update.is_complete = forgotten_ <= version;
  auto first = entries_.end();
  while (first != entries_.begin() && std::prev(first)->version > version) --first;
  for (; first != entries_.end() && first->version <= upto; ++first) {
    if (update.points++ > 0) update.message += ',';
    update.message += first->json;
  }
  update.message += "]}";
  return update;
}

}  // namespace slipstream
