// Marks in the store: each once, by pages, for cursors, and through an upgrade.
#include "store/mark_tables.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "store/store_file.h"
#include "store/store_fixture.h"
#include "store/store_views.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::Gt;
using testing::IsEmpty;
using testing::SizeIs;

class StoredMarksTest : public RollupStoreTest {
 protected:
  static PlacedMark placed(LogOffset offset, std::int64_t time_s, std::string session = "s",
                           std::string chassis = "a", std::string track = "cota") {
    return {offset, std::make_shared<const Mark>(
                        Mark{.time = {time_s * kNsPerSecond + 1},
                             .arrival = {static_cast<std::int64_t>(offset) * kNsPerSecond},
                             .track = std::move(track),
                             .session = std::move(session),
                             .chassis = std::move(chassis),
                             .kind = "note",
                             .text = fmt::format("at {}", time_s),
                             .session_time_s = 1.25,
                             .frame = 18'446'744'073'709'551'615u})};
  }
  static std::vector<MarkRow> put(RollupStore& store, std::vector<PlacedMark> marks) {
    std::vector<MarkRow> rows;
    EXPECT_TRUE(store.commit({.marks = std::move(marks)}, &rows));
    return rows;
  }
  static std::vector<std::string> texts(const std::vector<StoredMark>& marks) {
    std::vector<std::string> texts;
    for (const auto& stored : marks) texts.push_back(stored.mark->text);
    return texts;
  }
  static std::vector<std::string> page(RollupStore& store, const MarkQuery& query) {
    const auto found = store.query_marks(query);
    EXPECT_TRUE(found) << (found ? "" : found.error().message);
    return found ? texts(found->marks) : std::vector<std::string>();
  }
};

TEST_F(StoredMarksTest, AMarkThatComesAgainIsThereOnce) {
  const auto store = open();
  EXPECT_THAT(put(*store, {placed(3, 1), placed(7, 2)}), ElementsAre(1, 2));
  const auto again = put(*store, {placed(7, 2), placed(8, 3), placed(3, 1)});
  EXPECT_THAT(again, ElementsAre(0, Gt(2), 0));
  PlacedMark other = placed(7, 9);
  other.mark = std::make_shared<const Mark>(Mark{.arrival = {5}, .kind = "note", .text = "other"});
  EXPECT_THAT(put(*store, {other}), ElementsAre(Gt(again[1]))) << "the place is one of another log";
  PlacedMark unlogged = placed(7, 2);
  unlogged.offset.reset();
  EXPECT_THAT(put(*store, {unlogged, unlogged}), ElementsAre(Gt(0), Gt(0)))
      << "no log tells them apart";
  EXPECT_THAT(page(*store, {}), SizeIs(6));
}

TEST_F(StoredMarksTest, ComesBackAsItWas) {
  const PlacedMark sent = placed(3, 1);
  ASSERT_THAT(put(*open(), {sent}), ElementsAre(1));
  const auto store = open();
  const auto found = store->query_marks(MarkQuery{});
  ASSERT_TRUE(found);
  ASSERT_THAT(found->marks, SizeIs(1));
  const Mark& mark = *found->marks[0].mark;
  EXPECT_EQ(mark.time, sent.mark->time);
  EXPECT_EQ(mark.arrival, sent.mark->arrival);
  EXPECT_EQ(mark.session, "s");
  EXPECT_EQ(mark.session_time_s, 1.25);
  EXPECT_EQ(mark.frame, sent.mark->frame);
  EXPECT_EQ(store->newest_mark(), found->marks[0].cursor());
}

TEST_F(StoredMarksTest, PagesAreTheNewestFirstAndByWhatIsAskedFor) {
  const auto store = open();
  put(*store, {placed(1, 5), placed(2, 3), placed(3, 5), placed(4, 9, "t", "b"),
               placed(5, 1, "s", "", "spa")});
  EXPECT_THAT(page(*store, {}), ElementsAre("at 9", "at 5", "at 5", "at 3", "at 1"));
  EXPECT_THAT(page(*store, {.session = "t"}), ElementsAre("at 9"));
  EXPECT_THAT(page(*store, {.track = "spa"}), ElementsAre("at 1"));
  EXPECT_THAT(page(*store, {.chassis = "b", .kind = "note"}), ElementsAre("at 9"));
  EXPECT_THAT(page(*store, {.kind = "flag"}), IsEmpty());
  EXPECT_THAT(page(*store, {.from = EventTime{3 * kNsPerSecond + 1},
                            .to = EventTime{5 * kNsPerSecond + 1}}),
              ElementsAre("at 5", "at 5", "at 3"));
  MarkQuery query{.limit = 2};
  std::vector<std::string> all;
  for (int pages = 0;; ++pages) {
    const auto found = store->query_marks(query);
    ASSERT_TRUE(found);
    for (const auto& text : texts(found->marks)) all.push_back(text);
    if (!found->next) {
      EXPECT_EQ(pages, 2);
      break;
    }
    query.cursor = *found->next;
  }
  EXPECT_THAT(all, ElementsAre("at 9", "at 5", "at 5", "at 3", "at 1"));
  for (const char* cursor : {"x", "1", "1.", "1.0", "1.2x", "."}) {
    const auto refused = store->query_marks(MarkQuery{.cursor = cursor});
    ASSERT_FALSE(refused) << cursor;
    EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  }
}

TEST_F(StoredMarksTest, AreReadBehindACursorInTheOrderOfTheirRows) {
  const auto store = open();
  EXPECT_EQ(store->newest_mark(), MarkCursor{});
  put(*store, {placed(1, 5), placed(2, 3), placed(3, 4)});
  const auto newest = store->newest_mark();
  ASSERT_TRUE(newest);
  auto read = store->read_stored_marks(StoredMarksQuery{.upto = newest->row, .max_rows = 2});
  ASSERT_TRUE(read);
  EXPECT_THAT(texts(read->marks), ElementsAre("at 5", "at 3"));
  read = store->read_stored_marks(StoredMarksQuery{.after = read->to, .upto = newest->row});
  ASSERT_TRUE(read);
  EXPECT_THAT(texts(read->marks), ElementsAre("at 4"));
  EXPECT_EQ(read->to, *newest);
  MarkCursor foreign = *newest;
  foreign.check ^= 1;
  read = store->read_stored_marks(StoredMarksQuery{.after = foreign, .upto = 3});
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->is_foreign);
}

TEST_F(StoredMarksTest, SqliteAloneReadsTheView) {
  put(*open(), {placed(1, 5), placed(2, 6, "s", "")});
  auto database = Database::open(path(), SQLITE_OPEN_READONLY);
  ASSERT_TRUE(database);
  auto rows = database->prepare(
      "SELECT track, session, time, kind, chassis, text, session_time_s = 1.25 FROM marks ORDER BY "
      "id");
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_TRUE(*rows->step());
  EXPECT_EQ(rows->text(0), "cota");
  EXPECT_EQ(rows->text(1), "s");
  EXPECT_EQ(rows->text(2), "1970-01-01T00:00:05.000Z");
  EXPECT_EQ(rows->text(3), "note");
  EXPECT_EQ(rows->text(4), "a");
  EXPECT_EQ(rows->text(5), "at 5");
  EXPECT_EQ(rows->integer(6), 1);
  ASSERT_TRUE(*rows->step());
  EXPECT_EQ(rows->text(4), "");
}

TEST_F(StoredMarksTest, AFileOfTheVersionBeforeGetsTheirTable) {
  {
    auto old = Database::open(path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    ASSERT_TRUE(old);
    ASSERT_TRUE(make_store_schema(*old, kMarksSince - 1, false));
    ASSERT_TRUE(old->execute(fmt::format("PRAGMA user_version={}", kMarksSince - 1).c_str()));
    EXPECT_FALSE(old->integer("SELECT count(*) FROM marks")) << "it had none";
  }
  const auto store = open();
  ASSERT_NE(store, nullptr);
  EXPECT_THAT(put(*store, {placed(1, 5)}), ElementsAre(1));
  auto now = Database::open(path(), SQLITE_OPEN_READONLY);
  ASSERT_TRUE(now);
  EXPECT_EQ(now->integer("SELECT count(*) FROM marks").value(), 1);
  EXPECT_EQ(now->integer("PRAGMA user_version").value(), kStoreVersion);
}

TEST_F(StoredMarksTest, ARowThatIsNoMarkIsDamage) {
  put(*open(), {placed(1, 5)});
  {
    auto database = Database::open(path(), SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(database->execute("UPDATE stored_marks SET mark = '{}'"));
  }
  const auto store = open();
  const auto found = store->query_marks(MarkQuery{});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
}

TEST_F(StoredMarksTest, ASalvagedFileHasThem) {
  put(*open(), {placed(1, 5), placed(2, 6)});
  const auto fresh = directory_ / "fresh.db";
  const auto salvaged = salvage_store_file(path(), fresh, [](std::uint64_t) {});
  ASSERT_TRUE(salvaged) << salvaged.error().message;
  EXPECT_THAT(salvaged->damaged_tables, IsEmpty());
  auto database = Database::open(fresh.string(), SQLITE_OPEN_READONLY);
  ASSERT_TRUE(database);
  EXPECT_EQ(database->integer("SELECT sum(id) FROM marks").value(), 3);
}

}  // namespace
}  // namespace slipstream
