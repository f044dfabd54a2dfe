#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "codec/point_log_decoder.h"
#include "log/log.h"
#include "model/point.h"
#include "model/schema.h"

namespace slipstream {

/// The points and marks of a log one by one, with the offset of each, from an offset on. Where the
/// blocks come from is the caller's business: a reader that ends, or one that goes on. One thread.
class LogPoints {
 public:
  struct Item {
    std::uint64_t offset = 0;
    PointBatch* batch = nullptr;
    Point* point = nullptr;
    std::string_view mark = {};  ///< as JSON; empty: it is a point
  };
  struct Source {
    /// Nothing: no more for now.
    std::function<Result<std::optional<LogBlock>>()> next;
    /// All below was given, or is lost.
    std::function<std::uint64_t()> position;
  };
  static constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();

  /// Offsets [from, to).
  LogPoints(Source source, Schema& schema, BatchPool& pool, std::uint64_t from,
            std::uint64_t to = kNoEnd)
      : source_(std::move(source)),
        pool_(pool),
        decoder_(schema.fields(), pool),
        position_(from),
        to_(to) {}
  ~LogPoints() {
    if (batch_) pool_.put(std::move(batch_));
  }
  LogPoints(const LogPoints&) = delete;
  LogPoints& operator=(const LogPoints&) = delete;

  /// Good until the next call. Nothing: no more for now, or all is given. Errors: the source's.
  Result<std::optional<Item>> next();
  /// All below were given, or could not be read.
  std::uint64_t position() const { return position_; }
  /// Blocks whose payload is none, since it was asked last.
  std::vector<LostRange> take_undecoded() { return std::exchange(undecoded_, {}); }
  /// Numbers that were left out, since more names are in the log than can be told apart; since it
  /// was asked last.
  std::uint64_t take_values_dropped() {
    return decoder_.values_dropped() - std::exchange(values_told_, decoder_.values_dropped());
  }

 private:
  std::optional<Item> next_of_batch();
  Result<bool> open_block();

  const Source source_;
  BatchPool& pool_;
  PointLogDecoder decoder_;
  std::uint64_t position_;
  const std::uint64_t to_;
  bool is_in_block_ = false;
  std::uint64_t block_base_ = 0;
  std::uint64_t block_end_ = 0;
  PointBatchPtr batch_;
  std::uint64_t batch_base_ = 0;
  std::size_t next_point_ = 0;
  std::vector<LostRange> undecoded_;
  std::uint64_t values_told_ = 0;
};

}  // namespace slipstream
