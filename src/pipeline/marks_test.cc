// Marks through the journal: their place among points, in the log and in every partition.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "pipeline/journal_fixture.h"

namespace slipstream::journal_testing {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using Notes = std::vector<std::string>;

/// Writes down what it is told, with or without a state.
class Scribe final : public PartitionObserver, public ObserverState {
 public:
  Scribe(Notes& notes, bool has_state) : notes_(notes), has_state_(has_state) {}
  std::string_view name() const override { return has_state_ ? "scribe" : "onlooker"; }
  void observe(const PointBatch&, std::span<const Point> points) override {
    notes_.push_back(fmt::format("{} points", points.size()));
  }
  void observe_mark(const Mark& mark) override { notes_.push_back(mark.kind); }
  void tick(SteadyTime) override {}
  void forget(std::uint32_t) override {}
  ObserverState* state() override { return has_state_ ? this : nullptr; }
  void save(std::string&) const override {}
  Result<void> restore(std::string_view) override { return {}; }
  void clear() override {}

 private:
  Notes& notes_;
  const bool has_state_;
};

struct KeptMarks final : OutputSink {
  bool has_room() const override { return true; }
  void accept(Output output) override {
    for (auto& mark : output.marks) {
      EXPECT_EQ(output.position, *mark.offset + 1);
      marks.push_back(std::move(mark));
    }
  }
  std::vector<PlacedMark> marks;
};

class JournalMarksTest : public JournalTest {
 protected:
  void begin(QueueLimits queue = {}, bool has_log = true) {
    start();
    pipeline_ = std::make_unique<Pipeline>(
        PipelineOptions{.partitions = kPartitions, .workers = 1},
        PartitionContext{.clock = clock_,
                         .ingest = ingest_,
                         .stats = stats_,
                         .schema = schema_,
                         .accepted = outputs_,
                         .outputs = kept_,
                         .definitions = definitions_,
                         .queue = queue},
        [this](PartitionId p) {
          PartitionObservers observers;
          observers.push_back(std::make_unique<Scribe>(notes_[p.number], true));
          observers.push_back(std::make_unique<Scribe>(seen_[p.number], false));
          return observers;
        });
    journal_ = std::make_unique<Journal>(has_log ? log_.get() : nullptr, *pipeline_, parts(),
                                         JournalOptions{}, [](const std::string&) {});
  }
  MarkPtr mark(std::string kind) const {
    return std::make_shared<const Mark>(Mark{.time = {clock_.now().ns},
                                             .arrival = {clock_.now().ns + 17},
                                             .track = "cota",
                                             .kind = std::move(kind),
                                             .session_time_s = 1.5,
                                             .frame = 7});
  }
  std::expected<LogOffset, Refusal> offer_marks(std::vector<MarkPtr> marks) {
    Body body{.durability = Durability::kReceived};
    for (auto& mark : marks) body.marks.push_back({.mark = std::move(mark)});
    return journal_->offer_all(body);
  }
  void offer_to_all() {
    for (std::uint32_t p = 0; p < kPartitions; ++p) offer(p);
  }

  std::map<std::uint32_t, Notes> notes_;  ///< of those with a state
  std::map<std::uint32_t, Notes> seen_;   ///< of the others
  KeptMarks kept_;
};

TEST_F(JournalMarksTest, EveryPartitionSeesAMarkBehindThePointsBeforeIt) {
  begin();
  offer_to_all();
  EXPECT_EQ(offer_marks({mark("red_flag")}), 4u);
  offer_to_all();
  EXPECT_EQ(offer_marks({mark("a"), mark("b")}), 9u);
  fold();
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    EXPECT_THAT(notes_[p], ElementsAre("1 points", "red_flag", "1 points", "a", "b")) << p;
    EXPECT_EQ(seen_[p], notes_[p]);
  }
  ASSERT_THAT(kept_.marks, SizeIs(3)) << "each is handed over once, and not by every partition";
  EXPECT_EQ(kept_.marks[0].offset, 3u);
  EXPECT_EQ(kept_.marks[1].offset, 7u);
  EXPECT_EQ(kept_.marks[2].mark->kind, "b");
  EXPECT_EQ(ingest_.marks.value(), 3u);
  EXPECT_EQ(ingest_.of(SourceKind::kHttp).accepted.value(), 6u) << "a mark is no point";

  ASSERT_TRUE(journal_->flush());
  std::vector<std::string> logged;
  const auto take = [&](const LogWork& item) {
    if (!item.work.mark) return logged.push_back(fmt::format("{} points", item.work.count));
    EXPECT_FALSE(item.partition) << "a mark is for all";
    logged.push_back(fmt::format("{} {}", item.work.offset, item.work.mark->kind));
    EXPECT_EQ(item.work.mark->arrival.ns, clock_.now().ns + 17);
    EXPECT_EQ(item.work.mark->frame, 7u);
  };
  BatchPool pool;
  ASSERT_TRUE(replay_log(*log_, 0, 9, schema_, pool, {.work = take}));
  EXPECT_THAT(logged, ElementsAre("1 points", "1 points", "1 points", "3 red_flag", "1 points",
                                  "1 points", "1 points", "7 a", "8 b"));
}

TEST_F(JournalMarksTest, ABodysMarksStandBehindItsKeyAndAmongItsPoints) {
  begin();
  const AnsweredKey key{"key", clock_.now(), 201, "yes"};
  Body with_all = body();
  with_all.marks = {{.after = 1, .mark = mark("note")}};
  with_all.key = &key;
  EXPECT_EQ(journal_->offer_all(with_all), 5u);
  EXPECT_THAT(with_all.marks, IsEmpty());
  int* const answer = wait_for(5, Durability::kFsynced);
  EXPECT_EQ(*answer, 0);
  ASSERT_TRUE(journal_->flush());
  EXPECT_EQ(*answer, 1);
  fold();
  ASSERT_THAT(kept_.marks, SizeIs(1));
  EXPECT_EQ(kept_.marks[0].offset, 2u);
  EXPECT_THAT(notes_[0], ElementsAre("1 points", "note"));
  EXPECT_THAT(notes_[2], ElementsAre("note", "1 points"));
}

TEST_F(JournalMarksTest, AMarkIsRefusedWhereSomePartitionHasNoRoomForIt) {
  begin({.items = 2});
  offer(1, 2);
  offer(1, 2);
  EXPECT_EQ(offer_marks({mark("red_flag")}), std::unexpected(Refusal::kQueueFull));
  EXPECT_EQ(journal_->next_offset(), 4u);
  fold();
  EXPECT_EQ(offer_marks({mark("red_flag")}), 5u);
  EXPECT_EQ(ingest_.marks.value(), 1u);
}

TEST_F(JournalMarksTest, WithoutALogAMarkGoesItsWayAllTheSame) {
  begin({}, false);
  offer(0);
  EXPECT_EQ(offer_marks({mark("note")}), 2u);
  EXPECT_EQ(journal_->durable_offset(), 2u);
  fold();
  EXPECT_THAT(kept_.marks, SizeIs(1));
}

/// What was committed before is not handed over again; who goes on from a state is told again.
TEST_F(JournalMarksTest, AReplayTellsObserversWithAStateAndHandsNothingOverTwice) {
  begin();
  Partition& first = pipeline_->partition(0);
  ASSERT_TRUE(first.begin({.partition = embedded_partition(0), .committed_offset = 1}));
  for (LogOffset at = 0; at < 2; ++at) {
    Work work{.kind = Work::Kind::kMark, .offset = at, .mark = mark(fmt::format("m{}", at))};
    work.replayed = true;
    first.process(work);
  }
  EXPECT_THAT(notes_[0], ElementsAre("m0", "m1"));
  EXPECT_THAT(seen_[0], IsEmpty());
  ASSERT_THAT(kept_.marks, SizeIs(1));
  EXPECT_EQ(kept_.marks[0].mark->kind, "m1");
  Work unread{.kind = Work::Kind::kMark, .offset = 2};
  first.process(unread);
  EXPECT_EQ(first.position(), 3u) << "what cannot be read keeps its place";
}

}  // namespace
}  // namespace slipstream::journal_testing
