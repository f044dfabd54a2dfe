#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "log/segment_log.h"
#include "log/testing.h"
#include "log/verify.h"

namespace slipstream {

inline void PrintTo(const LostRange& lost, std::ostream* out) {
  *out << "[" << lost.from << ", " << lost.to << ") " << lost.file << ": " << lost.why;
}
inline void PrintTo(const LogFault& fault, std::ostream* out) {
  *out << to_string(fault.kind) << " " << fault.file << "@" << fault.position << " [" << fault.from
       << ", " << fault.to << "): " << fault.what;
}

namespace log_testing {

struct StoredBlock {
  std::uint64_t base_offset = 0;
  std::uint32_t count = 0;
  std::string payload;
  friend bool operator==(const StoredBlock&, const StoredBlock&) = default;
};
inline void PrintTo(const StoredBlock& block, std::ostream* out) {
  *out << block.base_offset << "+" << block.count << " (" << block.payload.size() << " bytes)";
}

using Offsets = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

/// A log on the faulty file system. Block number n covers the ten offsets from 10 n on.
class LogTest : public testing::Test {
 protected:
  static constexpr std::uint32_t kCount = 10;

  void open(SegmentLogOptions options = {}) {
    log_.reset();
    options.clock = &clock_;
    auto log = SegmentLog::open(files_, kFolder, options);
    ASSERT_TRUE(log) << log.error().message;
    log_ = std::move(*log);
  }

  /// Does not compress, is not the same twice, and holds what looks like a block's beginning.
  static std::string payload(std::uint64_t offset, std::size_t size = 100) {
    std::string bytes = "SBLK";
    ByteWriter out(bytes);
    for (std::mt19937_64 random(offset); bytes.size() < size;) out.fixed(std::uint64_t{random()});
    bytes.resize(size);
    return bytes;
  }
  static StoredBlock block(std::uint64_t offset) { return {offset, kCount, payload(offset)}; }

  Result<void> append() {
    const std::uint64_t offset = log_->next_offset();
    const std::string bytes = payload(offset);
    const auto time_ns = static_cast<std::int64_t>(offset);
    return log_->append({.base_offset = offset,
                         .count = kCount,
                         .min_time_ns = time_ns,
                         .max_time_ns = time_ns + 5,
                         .payload = bytes});
  }
  void append_synced(int blocks) {
    for (int i = 0; i < blocks; ++i) ASSERT_TRUE(append());
    ASSERT_TRUE(log_->sync());
  }

  std::vector<StoredBlock> read(std::uint64_t from = 0) {
    auto reader = log_->read_from(from);
    EXPECT_TRUE(reader);
    std::vector<StoredBlock> blocks;
    while (true) {
      const auto next = (*reader)->next();
      EXPECT_TRUE(next) << next.error().message;
      if (!next || !*next) break;
      blocks.push_back({(*next)->base_offset, (*next)->count, std::string((*next)->payload)});
    }
    EXPECT_EQ((*reader)->bytes_left(), 0u);
    lost_ = (*reader)->lost();
    return blocks;
  }
  /// Of the last read().
  Offsets lost() const {
    Offsets ranges;
    for (const LostRange& lost : lost_) ranges.emplace_back(lost.from, lost.to);
    return ranges;
  }
  static std::vector<StoredBlock> blocks(std::initializer_list<std::uint64_t> offsets) {
    std::vector<StoredBlock> all;
    for (const std::uint64_t offset : offsets) all.push_back(block(offset));
    return all;
  }
  void wipe() {
    log_.reset();
    const auto names = files_.list(kFolder);
    for (const std::string& name : *names) {
      ASSERT_TRUE(files_.remove(FileSystem::Path(kFolder) / name));
    }
  }
  static FileSystem::Path path(std::uint64_t base_offset) {
    return FileSystem::Path(kFolder) / segment_name(base_offset);
  }
  std::size_t size(std::uint64_t base_offset) { return files_.content(path(base_offset)).size(); }

  static constexpr const char* kFolder = "log";
  static constexpr std::size_t kBlockBytes = sizeof(BlockHeader) + 100;
  static constexpr std::size_t kFirstBlock = sizeof(SegmentHeader);

  FaultyFileSystem files_;
  ManualClock clock_;
  std::unique_ptr<SegmentLog> log_;
  std::vector<LostRange> lost_;
};

}  // namespace log_testing
}  // namespace slipstream
