#include "broadcast/recent_ring.h"

#include <set>
#include <utility>

#include "base/check.h"

namespace slipstream {

void RecentRing::push(const PointBatch& batch, const Point& point) {
  if (max_points_ == 0) return;
  const auto json = batch.json(point);
  const auto track = batch.track(point);
  const auto chassis = batch.chassis(point);
  const std::size_t bytes = json.size() + track.size() + chassis.size();
  if (chunks_.empty() || chunks_.back().text.size() + bytes > kChunkBytes) {
    chunks_.push_back(std::move(spare_));
    spare_ = Chunk{};
    chunks_.back().text.reserve(kChunkBytes);
  }
  Chunk& chunk = chunks_.back();
  chunk.entries.push_back(
      {static_cast<std::uint32_t>(chunk.text.size()), static_cast<std::uint32_t>(json.size()),
       static_cast<std::uint16_t>(track.size()), static_cast<std::uint16_t>(chassis.size())});
  chunk.text.append(json).append(track).append(chassis);
  bytes_ += bytes;
  ++size_;
  while (size_ > max_points_) drop_oldest();
  while (bytes_ > max_bytes_ && chunks_.size() > 1) drop_front_chunk();
}

void RecentRing::drop_oldest() {
  CHECK(!chunks_.empty(), "points that are counted are in some chunk");
  Chunk& front = chunks_.front();
  CHECK(front.gone < front.entries.size(), "a chunk whose points are all gone is gone, too");
  ++front.gone;
  --size_;
  if (front.gone == front.entries.size()) drop_front_chunk();
}

void RecentRing::drop_front_chunk() {
  Chunk& front = chunks_.front();
  CHECK(size_ >= front.entries.size() - front.gone, "a chunk's points are among those counted");
  CHECK(bytes_ >= front.text.size(), "a chunk's bytes are among those counted");
  size_ -= front.entries.size() - front.gone;
  bytes_ -= front.text.size();
  front.text.clear();
  front.entries.clear();
  front.gone = 0;
  spare_ = std::move(front);
  chunks_.pop_front();
}

std::string RecentRing::encode(const Query& query) const {
  std::vector<std::string_view> newest_first;
  for (auto chunk = chunks_.rbegin(); chunk != chunks_.rend(); ++chunk) {
    const std::string_view text = chunk->text;
    for (std::size_t i = chunk->entries.size(); i-- > chunk->gone;) {
      if (newest_first.size() == query.limit) break;
      const Entry& e = chunk->entries[i];
      const auto track = text.substr(std::size_t{e.offset} + e.json, e.track);
      const auto chassis = text.substr(std::size_t{e.offset} + e.json + e.track, e.chassis);
      if (!query.track.empty() && query.track != track) continue;
      if (!query.chassis.empty() && query.chassis != chassis) continue;
      newest_first.push_back(text.substr(e.offset, e.json));
    }
  }
  std::string out = R"({"recent":[)";
  for (auto json = newest_first.rbegin(); json != newest_first.rend(); ++json) {
    if (json != newest_first.rbegin()) out += ',';
    out += *json;
  }
  return out += "]}";
}

void RecentRing::for_each_machine(
    const std::function<void(std::string_view track, std::string_view chassis,
                             std::string_view json)>& visit) const {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (auto chunk = chunks_.rbegin(); chunk != chunks_.rend(); ++chunk) {
    const std::string_view text = chunk->text;
    for (std::size_t i = chunk->entries.size(); i > chunk->gone; --i) {
      const Entry& e = chunk->entries[i - 1];
      const auto track = text.substr(e.offset + e.json, e.track);
      const auto chassis = text.substr(e.offset + e.json + e.track, e.chassis);
      if (seen.emplace(track, chassis).second) visit(track, chassis, text.substr(e.offset, e.json));
    }
  }
}

}  // namespace slipstream
