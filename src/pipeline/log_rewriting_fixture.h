#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/fault.h"
#include "codec/point_log_testing.h"
#include "log/testing.h"
#include "log/verify.h"
#include "pipeline/log_repacker.h"

namespace slipstream::rewriting_testing {

inline constexpr const char* kLog = "/log";
inline constexpr std::uint64_t kSealed = 12;  // leaning blocks
struct Killed {};

/// Throws `what` at a step, once, after `before` harmless ones, as long as it lives.
class FaultAt {
 public:
  template <typename What>
  FaultAt(std::string_view step, std::size_t before, What what) {
    fault::hook() = [step, left = before + 1, what](std::string_view point,
                                                    std::string_view) mutable {
      if (point == step && left > 0 && --left == 0) throw what;
    };
  }
  ~FaultAt() { fault::hook() = nullptr; }
  FaultAt(const FaultAt&) = delete;
  FaultAt& operator=(const FaultAt&) = delete;
};

class LogRewriting : public testing::Test {
 protected:
  explicit LogRewriting(std::uint64_t seed = 1) : files_(seed) {}

  void open(SegmentLogOptions options = {}) {
    log_.reset();
    options.clock = &clock_;
    options.segment_leaning_blocks = kSealed;
    auto log = SegmentLog::open(files_, kLog, options);
    ASSERT_TRUE(log) << log.error().message;
    log_ = std::move(*log);
    encoder_ = std::make_unique<PointLogEncoder>(schema_.fields());
  }

  void wipe() {
    log_.reset();
    for (const std::string& name : file_names()) {
      files_.delete_for_good(FileSystem::Path(kLog) / name);
    }
  }
  LogRows some_rows(std::size_t points) {
    PointBatch batch;
    const auto text = [&](std::string_view piece) {
      batch.text += piece;
      return TextRef{static_cast<std::uint32_t>(batch.text.size() - piece.size()),
                     static_cast<std::uint32_t>(piece.size())};
    };
    for (std::size_t i = 0; i < points; ++i) {
      Point& p = batch.points.emplace_back();
      const std::string chassis = "GR86-" + std::to_string(random_() % 4);
      p.track = text("barber");
      p.chassis = text(chassis);
      p.series_hash = series_hash("barber", chassis);
      p.event_time = {(1'757'000'000'000 + static_cast<std::int64_t>(++sent_)) * kNsPerMs};
      p.arrival_time = {p.event_time.ns};
      p.lap = static_cast<std::int16_t>(sent_ / 100);
      p.has_texts = random_() % 8 == 0;
      if (p.has_texts) p.json = text(R"({"note":"wet"})");
      p.first_value = static_cast<std::uint32_t>(batch.values.size());
      for (const FieldId field : {field::kSpeedKmh, field::kRpm}) {
        batch.values.push_back({static_cast<double>(random_() % 10'000) / 100, field});
      }
      p.value_count = 2;
    }
    LogRows rows;
    if (points > 0) rows.add_points(batch, static_cast<std::uint32_t>(random_() % 3));
    if (random_() % 3 == 0) rows.add_tick({static_cast<std::int64_t>(sent_) * kNsPerMs});
    if (random_() % 9 == 0) rows.add_key("key", {5'000'000}, 200, "{}");
    if (rows.empty()) rows.add_void(3);
    return rows;
  }
  void append(const LogRows& rows, bool goes_on = false) {
    std::string payload;
    encoder_->encode(rows, payload, !goes_on && log_->may_lean());
    ASSERT_TRUE(log_->append({.base_offset = log_->next_offset(),
                              .count = rows.count(),
                              .payload = payload,
                              .goes_on = goes_on,
                              .leans = encoder_->leans()}));
  }
  /// So many segments of small blocks, and one that is being written.
  void fill(std::size_t segments) {
    const std::size_t before = std::max<std::size_t>(log_->segments(), 1);
    while (log_->segments() < before + segments) append(some_rows(random_() % 6));
    ASSERT_TRUE(log_->sync());
  }

  std::vector<std::string> rest_of(LogReader& reader) {
    std::vector<std::string> entries;
    PointLogDecoder decoder(schema_.fields(), pool_);
    while (true) {
      const auto block = reader.next();
      EXPECT_TRUE(block) << block.error().message;
      if (!block || !*block) break;
      take(**block, decoder, entries);
    }
    EXPECT_THAT(reader.lost(), testing::IsEmpty());
    return entries;
  }
  void take(const LogBlock& block, PointLogDecoder& decoder, std::vector<std::string>& entries) {
    const auto opened = decoder.open(block.payload);
    ASSERT_TRUE(opened) << opened.error().message;
    ASSERT_EQ(decoder.count(), block.count);
    for (LogEntry entry; decoder.next(entry);) {
      std::vector<std::string> described;
      point_log_testing::describe(entry, schema_, described);
      for (std::size_t i = 0; i < described.size(); ++i) {
        entries.push_back(std::to_string(block.base_offset + entry.index + i) + ": " +
                          described[i]);
      }
    }
  }
  std::vector<std::string> entries() {
    auto reader = log_->read_from(0);
    return rest_of(**reader);
  }
  std::vector<std::string> file_names() {
    auto names = files_.list(kLog);
    return *names;
  }
  LogReport verified() {
    PointLogDecoder decoder(schema_.fields(), pool_);
    return verify_log(files_, kLog, {.check = [&](const LogBlock& block) {
                        return decoder.open(block.payload);
                      }});
  }

  /// How many were rewritten.
  std::size_t rewrite() {
    SegmentRewriter rewriter(files_, kLog, *log_);
    for (std::size_t done = 0;; ++done) {
      const auto plan = rewriter.plan({});
      EXPECT_TRUE(plan) << plan.error().message;
      if (!plan || !*plan) return done;
      LogRepacker repacker;
      const auto run = rewriter.run(**plan, repacker, {});
      EXPECT_TRUE(run) << run.error().message;
      if (!run) return done;
    }
  }

  log_testing::FaultyFileSystem files_;
  ManualClock clock_;
  Schema schema_;
  BatchPool pool_;
  std::mt19937_64 random_{7};
  std::uint64_t sent_ = 0;
  std::unique_ptr<SegmentLog> log_;
  std::unique_ptr<PointLogEncoder> encoder_;
};

}  // namespace slipstream::rewriting_testing
