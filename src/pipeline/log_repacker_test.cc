// Rewriting of the log: the same entries at the same offsets, whatever happens in between, and for
// whoever reads meanwhile.
#include "pipeline/log_repacker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "base/fault.h"
#include "codec/point_log_testing.h"
#include "log/testing.h"
#include "log/verify.h"

namespace slipstream {
namespace {

using log_testing::FaultyFileSystem;
using testing::Contains;
using testing::Each;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* kLog = "/log";
constexpr std::uint64_t kSealed = 12;  // leaning blocks
/// The steps of a rewriting, in their order.
constexpr const char* kSteps[] = {"rewrite-create", "rewrite-write", "rewrite-sync",
                                  "rewrite-check",  "rewrite-name",  "rewrite-sync-folder",
                                  "rewrite-remove", "rewrite-done"};

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
    EXPECT_THAT(reader.lost(), IsEmpty());
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

  FaultyFileSystem files_;
  ManualClock clock_;
  Schema schema_;
  BatchPool pool_;
  std::mt19937_64 random_{7};
  std::uint64_t sent_ = 0;
  std::unique_ptr<SegmentLog> log_;
  std::unique_ptr<PointLogEncoder> encoder_;
};

TEST_F(LogRewriting, SmallBlocksBecomeLargeOnesOfTheSameEntries) {
  open();
  fill(5);
  const auto before = entries();
  const std::uint64_t bytes = log_->bytes();
  const std::uint64_t end = log_->next_offset();
  EXPECT_EQ(rewrite(), 1u);
  EXPECT_EQ(log_->segments(), 2u) << "the last one is being written";
  EXPECT_LT(log_->bytes(), bytes);
  EXPECT_EQ(entries(), before);
  EXPECT_EQ(rewrite(), 0u);
  const LogReport report = verified();
  EXPECT_TRUE(report.whole());
  EXPECT_THAT(report.segments, SizeIs(2));
  EXPECT_EQ(report.segments.front().blocks, 5u) << "a block reaches over no border of old ones";
  open();
  EXPECT_EQ(log_->next_offset(), end);
  EXPECT_THAT(log_->findings(), IsEmpty());
  EXPECT_EQ(entries(), before);
}

TEST_F(LogRewriting, TheLogGoesOnBehindIt) {
  open();
  fill(3);
  rewrite();
  fill(2);
  const auto before = entries();
  EXPECT_EQ(rewrite(), 1u);
  EXPECT_EQ(entries(), before);
  for (std::uint64_t from = 0; from < log_->next_offset(); from += 7) {
    auto reader = log_->read_from(from);
    const auto found = rest_of(**reader);
    EXPECT_THAT(before, testing::IsSupersetOf(found));
    EXPECT_THAT(found, Contains(before.back()));
  }
}

TEST_F(LogRewriting, AReaderThatWasThereBeforeReadsOn) {
  for (const int blocks_read : {0, 1, 13, 20, 30}) {
    open();
    fill(4);
    const auto before = entries();
    auto reader = log_->read_from(0);
    const auto old_list = log_->synced_segments();
    std::vector<std::string> found;
    PointLogDecoder decoder(schema_.fields(), pool_);
    for (int i = 0; i < blocks_read; ++i) take(**(*reader)->next(), decoder, found);
    EXPECT_GE(rewrite(), 1u);
    // With the decoder that it began with: within a chain it needs what came before.
    while (true) {
      const auto block = (*reader)->next();
      ASSERT_TRUE(block) << block.error().message;
      if (!*block) break;
      take(**block, decoder, found);
    }
    EXPECT_THAT((*reader)->lost(), IsEmpty());
    EXPECT_EQ(found, before) << blocks_read;
    const LogReport report = verify_segments(files_, kLog, old_list);
    EXPECT_THAT(report.faults, IsEmpty());
  }
}

TEST_F(LogRewriting, SegmentsOfALikeSizeBecomeOne) {
  open({.segment_bytes = 1 << 20});
  std::size_t most = 0;
  for (int i = 0; i < 12; ++i) {
    fill(1);
    rewrite();
    most = std::max(most, log_->segments());
  }
  EXPECT_LE(most, 2 * SegmentRewriter::kMerged);
  const auto before = entries();
  open();
  EXPECT_EQ(entries(), before);
  EXPECT_TRUE(verified().whole());
}

TEST_F(LogRewriting, BodiesAndLargeBlocksStayAsTheyAre) {
  open();
  fill(1);
  append(some_rows(300), true);
  append(some_rows(2), true);
  append(some_rows(300));
  append(some_rows(LogRepacker::kLargeBlock));
  fill(2);
  const auto before = entries();
  EXPECT_GE(rewrite(), 1u);
  EXPECT_EQ(entries(), before);
  EXPECT_TRUE(verified().whole());
}

TEST_F(LogRewriting, WhatIsDamagedStaysAsItIs) {
  open();
  fill(4);
  const std::string name = log_->synced_segments().at(1).name;
  files_.flip(std::string(kLog) + "/" + name, 200);
  const std::string damaged = files_.content(std::string(kLog) + "/" + name);
  SegmentRewriter rewriter(files_, kLog, *log_);
  const auto plan = rewriter.plan({});
  ASSERT_TRUE(plan && *plan);
  LogRepacker first;
  const auto run = rewriter.run(**plan, first, {});
  ASSERT_TRUE(run);
  EXPECT_FALSE(*run);
  // Those beside it are rewritten without it.
  for (int i = 0; i < 2; ++i) {
    const auto next = rewriter.plan({});
    ASSERT_TRUE(next && *next) << i;
    LogRepacker repacker;
    EXPECT_TRUE(rewriter.run(**next, repacker, {}).value_or(false));
  }
  EXPECT_FALSE(*rewriter.plan({})) << "it is not tried again";
  EXPECT_EQ(files_.content(std::string(kLog) + "/" + name), damaged);
  EXPECT_EQ(log_->segments(), 4u);
  EXPECT_THAT(file_names(), Each(Not(EndsWith(kRewriteSuffix))));
}

TEST_F(LogRewriting, NothingIsRewrittenWhileTheDiskIsNearlyFull) {
  open();
  fill(3);
  files_.set_faults({.disk_bytes = SegmentRewriter::kRoomBytes});
  EXPECT_EQ(rewrite(), 0u);
  files_.set_faults({});
  EXPECT_EQ(rewrite(), 1u);
}

TEST_F(LogRewriting, RetentionRemovesARewrittenSegmentWhole) {
  open({.retention_bytes = 1});
  fill(3);
  rewrite();
  const std::uint64_t last = log_->synced_segments().back().base_offset;
  EXPECT_EQ(log_->retain(last - 1, 0).value(), 0u) << "its last entry is needed";
  EXPECT_EQ(log_->retain(last, 0).value(), 1u);
  EXPECT_EQ(log_->first_offset(), last);
}

TEST_F(LogRewriting, WhatRetentionRemovesMeanwhileIsNotPutBack) {
  open({.retention_bytes = 1});
  fill(3);
  SegmentRewriter rewriter(files_, kLog, *log_);
  const auto plan = rewriter.plan({});
  ASSERT_TRUE(plan && *plan);
  log_->retain((*plan)->segments.at(1).base_offset, 0).value();
  EXPECT_EQ(log_->segments(), 3u);
  LogRepacker repacker;
  [[maybe_unused]] const auto run = rewriter.run(**plan, repacker, {});
  EXPECT_EQ(log_->segments(), 3u);
  EXPECT_EQ(log_->first_offset(), (*plan)->segments.at(1).base_offset);
}

TEST_F(LogRewriting, OffsetsOfARewrittenSegmentAreNotUsedAgainThoughItsEndIsLost) {
  open();
  fill(3);
  rewrite();
  const auto segments = log_->synced_segments();
  log_.reset();
  files_.delete_for_good(std::string(kLog) + "/" + segments.at(1).name);
  const std::string rewritten = std::string(kLog) + "/" + segments.at(0).name;
  files_.set_content(rewritten, files_.content(rewritten).substr(0, 1'000));
  open();
  EXPECT_GE(log_->next_offset(), segments.at(1).base_offset);
  EXPECT_THAT(log_->lost(), Not(IsEmpty()));
  append(some_rows(3));
  ASSERT_TRUE(log_->sync());
  open();
  EXPECT_EQ(log_->segments(), 2u) << "the new one is none that was rewritten";
}

TEST_F(LogRewriting, AnErrorAtAnyStepChangesNothingAndItIsTriedAgain) {
  for (const char* const step : kSteps) {
    open();
    fill(4);
    const auto before = entries();
    {
      const FaultAt fault(step, 0, std::runtime_error("injected"));
      SegmentRewriter rewriter(files_, kLog, *log_);
      const auto plan = rewriter.plan({});
      ASSERT_TRUE(plan && *plan) << step;
      LogRepacker repacker;
      EXPECT_FALSE(rewriter.run(**plan, repacker, {})) << step;
    }
    EXPECT_EQ(entries(), before) << step;
    EXPECT_THAT(file_names(), Each(Not(EndsWith(kRewriteSuffix)))) << step;
    fill(2);
    const auto after = entries();
    EXPECT_GE(rewrite(), 1u) << step;
    EXPECT_EQ(entries(), after) << step;
    open();
    EXPECT_EQ(entries(), after) << step;
    EXPECT_TRUE(verified().whole()) << step;
  }
}

/// As the version before chains wrote it, cut behind a block.
TEST_F(LogRewriting, ASegmentOfVersion2IsReadAndRewritten) {
  std::ifstream in(SLIPSTREAM_SOURCE_DIR "/tests/data/log-2/00000000000000000000.slog",
                   std::ios::binary);
  const std::string old{std::istreambuf_iterator<char>(in), {}};
  ASSERT_EQ(old.substr(0, 9), std::string("SLIPLOG1\x02"));
  files_.set_content(std::string(kLog) + "/" + segment_name(0), old);
  open();
  EXPECT_THAT(log_->findings(), IsEmpty());
  EXPECT_EQ(log_->next_offset(), 704u);
  const auto before = entries();
  EXPECT_THAT(before, SizeIs(704));
  EXPECT_THAT(before, Contains(HasSubstr("GR86-001-01 of barber")));
  append(some_rows(3));
  ASSERT_TRUE(log_->sync());
  EXPECT_EQ(log_->segments(), 2u) << "the log goes on in one of this version";
  auto after = entries();
  EXPECT_EQ(rewrite(), 1u);
  EXPECT_EQ(entries(), after);
  EXPECT_TRUE(verified().whole());
  EXPECT_LT(files_.content(std::string(kLog) + "/" + segment_name(0)).size(), old.size() / 3);
}

class RewritingKilled : public LogRewriting, public testing::WithParamInterface<const char*> {};

/// Killed, or the power goes, at each step: the log has what it had.
TEST_P(RewritingKilled, TheLogHasWhatItHad) {
  for (unsigned seed = 0; seed < 24; ++seed) {
    const bool is_power_cut = seed % 3 != 0;
    open();
    fill(4);
    const auto before = entries();
    const std::uint64_t end = log_->next_offset();
    {
      const FaultAt fault(GetParam(), seed % 4 == 3 ? 1 : 0, Killed{});
      try {
        rewrite();
      } catch (const Killed&) {
      }
    }
    log_.reset();
    if (is_power_cut) files_.crash();
    open();
    ASSERT_EQ(entries(), before) << seed;
    ASSERT_EQ(log_->next_offset(), end) << seed;
    EXPECT_THAT(log_->lost(), IsEmpty());
    EXPECT_THAT(file_names(), Each(Not(EndsWith(kRewriteSuffix))));
    EXPECT_EQ(file_names().size(), log_->segments()) << "what is left over is removed";
    ASSERT_TRUE(verified().whole()) << seed;
    rewrite();
    ASSERT_EQ(entries(), before) << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Steps, RewritingKilled, testing::ValuesIn(kSteps), [](const auto& step) {
  std::string name = step.param;
  std::erase(name, '-');
  return name;
});

}  // namespace
}  // namespace slipstream
