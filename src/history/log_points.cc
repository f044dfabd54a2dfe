#include "history/log_points.h"

#include <algorithm>

namespace slipstream {

Result<std::optional<LogPoints::Item>> LogPoints::next() {
  while (position_ < to_) {
    if (batch_) {
      if (auto item = next_of_batch()) return item;
      if (batch_) return std::nullopt;  // the rest is beyond the end
      continue;
    }
    LogEntry entry;
    if (is_in_block_ && decoder_.next(entry)) {
      batch_base_ = block_base_ + entry.index;
      if (entry.kind == LogEntryKind::kPoints) {
        batch_ = std::move(entry.points);
        next_point_ = 0;
        continue;
      }
      const bool is_given = batch_base_ >= position_ && batch_base_ < to_;
      position_ = std::max(position_, std::min(batch_base_ + entry.count, to_));
      if (entry.kind == LogEntryKind::kMark && is_given) {
        return Item{.offset = batch_base_, .mark = entry.text};
      }
      continue;
    }
    if (is_in_block_) position_ = std::max(position_, std::min(block_end_, to_));
    is_in_block_ = false;
    const auto opened = open_block();
    if (!opened) return std::unexpected(opened.error());
    if (!*opened) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<LogPoints::Item> LogPoints::next_of_batch() {
  for (; next_point_ < batch_->points.size(); ++next_point_) {
    const std::uint64_t offset = batch_base_ + next_point_;
    if (offset < position_) continue;
    if (offset >= to_) {
      position_ = to_;
      return std::nullopt;
    }
    position_ = offset + 1;
    return Item{.offset = offset, .batch = batch_.get(), .point = &batch_->points[next_point_++]};
  }
  pool_.put(std::move(batch_));
  batch_.reset();
  return std::nullopt;
}

Result<bool> LogPoints::open_block() {
  const auto block = source_.next();
  if (!block) return std::unexpected(block.error());
  if (!*block) {
    position_ = std::max(position_, std::min(source_.position(), to_));
    return false;
  }
  const LogBlock& b = **block;
  block_base_ = b.base_offset;
  block_end_ = b.end_offset();
  const auto opened = decoder_.open(b.payload);
  is_in_block_ = opened && decoder_.count() == b.count;
  if (!is_in_block_ && block_end_ > position_) {
    undecoded_.push_back(
        {std::max(position_, block_base_), block_end_, std::string(b.file),
         opened ? "its entries are not as many as its head says" : opened.error().message});
    position_ = std::min(block_end_, to_);
  }
  return true;
}

}  // namespace slipstream
