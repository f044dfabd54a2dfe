#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/point.h"

namespace slipstream {

/// The newest accepted points, as JSON text, packed. Bounded in points and in bytes. One thread.
class RecentRing {
 public:
  static constexpr std::size_t kMaxAnswer = 5'000;

  explicit RecentRing(std::size_t max_points, std::size_t max_bytes = std::size_t{256} << 20)
      : max_points_(max_points), max_bytes_(max_bytes) {}

  void push(const PointBatch& batch, const Point& point);
  std::size_t size() const { return size_; }

  struct Query {
    std::size_t limit = kMaxAnswer;
    std::string_view track = {};    ///< empty: any
    std::string_view chassis = {};  ///< empty: any
  };
  /// {"recent":[point,...]}: the newest that match, oldest first.
  std::string encode(const Query& query) const;
  /// The newest point of each machine that is in it, the newest first.
  void for_each_machine(const std::function<void(std::string_view track, std::string_view chassis,
                                                 std::string_view json)>& visit) const;

 private:
  static constexpr std::size_t kChunkBytes = std::size_t{256} << 10;

  struct Entry {
    std::uint32_t offset;  ///< of the JSON; track and chassis stand behind it
    std::uint32_t json;
    std::uint16_t track;
    std::uint16_t chassis;
  };
  struct Chunk {
    std::string text;
    std::vector<Entry> entries;
    std::size_t gone = 0;  ///< entries at the front that are no longer in the ring
  };

  void drop_oldest();
  void drop_front_chunk();

  const std::size_t max_points_;
  const std::size_t max_bytes_;
  std::deque<Chunk> chunks_;
  Chunk spare_;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace slipstream
