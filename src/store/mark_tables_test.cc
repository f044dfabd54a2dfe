// Marks in the store: each once, by pages, for cursors, and through an upgrade.
#include "store/mark_tables.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

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
  EXPECT_EQ(store->rows_written(), 2u);
  EXPECT_EQ((Output{.marks = {placed(3, 1), placed(7, 2)}}.rows()), 2u);
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
  auto read = store->read_stored_marks(StoredEventsQuery{.upto = newest->row, .max_rows = 2});
  ASSERT_TRUE(read);
  EXPECT_THAT(texts(read->marks), ElementsAre("at 5", "at 3"));
  read = store->read_stored_marks(StoredEventsQuery{.after = read->to, .upto = newest->row});
  ASSERT_TRUE(read);
  EXPECT_THAT(texts(read->marks), ElementsAre("at 4"));
  EXPECT_EQ(read->to, *newest);
  MarkCursor foreign = *newest;
  foreign.check ^= 1;
  read = store->read_stored_marks(StoredEventsQuery{.after = foreign, .upto = 3});
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

TEST_F(StoredMarksTest, ARowThatIsNoMarkStopsNoStartAndCheckNamesIt) {
  put(*open(), {placed(1, 5), placed(2, 6)});
  const auto newest = open()->newest_mark();
  ASSERT_TRUE(newest);
  EXPECT_THAT(check_store_file(path())->faults, IsEmpty());
  EXPECT_EQ(check_store_file(path())->marks, 2u);
  {
    auto database = Database::open(path(), SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(database->execute("UPDATE stored_marks SET mark = '{}' WHERE id = 2"));
  }
  EXPECT_THAT(check_store_file(path())->faults, ElementsAre("row 2 of the marks makes no sense"));
  const auto store = open();
  EXPECT_EQ(*store->newest_mark(), *newest);
  EXPECT_EQ(store->damage(), std::nullopt);
  const auto behind = store->read_stored_marks(StoredEventsQuery{.after = *newest, .upto = 2});
  ASSERT_TRUE(behind) << "whoever had it goes on behind it";
  EXPECT_FALSE(behind->is_foreign);
}

class SalvagedMarksTest : public StoredMarksTest {
 protected:
  static constexpr std::size_t kPage = 4'096;

  void SetUp() override {
    StoredMarksTest::SetUp();
    fresh_ = directory_ / "fresh" / kStoreFile;
    std::filesystem::create_directory(fresh_.parent_path());
  }
  /// A page of rows, which holds the mark of that text, is garbage from now on.
  void spoil_page_of(const std::string& text) const {
    std::string all;
    {
      std::ifstream in(path(), std::ios::binary);
      all.assign(std::istreambuf_iterator<char>(in), {});
    }
    constexpr char kLeafOfTable = 0x0d;
    for (std::size_t at = 0; at < all.size(); at += kPage) {
      const auto page = std::string_view(all).substr(at, kPage);
      if (page[0] != kLeafOfTable || page.find('"' + text + '"') == std::string_view::npos)
        continue;
      std::fstream out(path(), std::ios::in | std::ios::out | std::ios::binary);
      out.seekp(static_cast<std::streamoff>(at));
      out << std::string(64, '\xA5');
      return;
    }
    FAIL() << "no page holds " << text;
  }
  Salvage salvage() const {
    auto salvaged = salvage_store_file(path(), fresh_, [](std::uint64_t) {});
    EXPECT_TRUE(salvaged) << (salvaged ? "" : salvaged.error().message);
    return salvaged ? std::move(*salvaged) : Salvage{};
  }
  /// The rows that the new file has.
  std::vector<MarkRow> rows() const {
    auto database = Database::open(fresh_.string(), SQLITE_OPEN_READONLY).value();
    auto all = database.prepare("SELECT id FROM stored_marks ORDER BY id").value();
    std::vector<MarkRow> rows;
    while (all.step().value()) rows.push_back(all.integer(0));
    return rows;
  }
  std::vector<MarkRow> put_into_fresh(std::vector<PlacedMark> marks) {
    const auto store = RollupStore::open(fresh_.parent_path(), {}, schema_.fields()).value();
    return put(*store, std::move(marks));
  }

  std::filesystem::path fresh_;
};

TEST_F(SalvagedMarksTest, OfAWholeFileAreAll) {
  put(*open(), {placed(1, 5), placed(2, 6)});
  const auto salvaged = salvage();
  EXPECT_THAT(salvaged.damaged_tables, IsEmpty());
  EXPECT_EQ(salvaged.marks.copied, 2u);
  EXPECT_TRUE(salvaged.marks.is_whole);
  EXPECT_THAT(rows(), ElementsAre(1, 2));
}

TEST_F(SalvagedMarksTest, StandBehindAPageThatCannotBeRead) {
  constexpr LogOffset kMarks = 500;
  {
    const auto store = open();
    std::vector<PlacedMark> marks;
    for (LogOffset n = 1; n <= kMarks; ++n) marks.push_back(placed(n, static_cast<int>(n)));
    put(*store, std::move(marks));
  }
  spoil_page_of("at 250");
  const auto salvaged = salvage();
  EXPECT_THAT(salvaged.damaged_tables, ElementsAre("stored_marks"));
  EXPECT_GT(salvaged.marks.copied, kMarks - 50) << "a page's rows are lacking, and no more";
  EXPECT_LT(salvaged.marks.copied, kMarks);
  EXPECT_TRUE(salvaged.marks.knows_lost);
  EXPECT_EQ(salvaged.marks.copied + salvaged.marks.lost.size(), kMarks);
  EXPECT_THAT(salvaged.marks.lost,
              testing::Contains(testing::Field(&LostMark::row, testing::Eq(250))));
  for (const LostMark& lost : salvaged.marks.lost) {
    EXPECT_EQ(lost.offset, static_cast<LogOffset>(lost.row));
    EXPECT_EQ(lost.arrival.ns, lost.row * kNsPerSecond);
  }
  EXPECT_THAT(rows(), testing::Contains(500));
  EXPECT_THAT(check_store_file(fresh_)->faults, IsEmpty());
}

TEST_F(SalvagedMarksTest, LackARowThatIsNoMark) {
  PlacedMark unlogged = placed(3, 7);
  unlogged.offset.reset();
  put(*open(), {placed(1, 5), placed(2, 6), unlogged, placed(4, 8)});
  {
    auto database = Database::open(path(), SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(database->execute("UPDATE stored_marks SET mark = 'x' WHERE id IN (2, 3)"));
  }
  const auto salvaged = salvage();
  EXPECT_THAT(rows(), ElementsAre(1, 4));
  ASSERT_THAT(salvaged.marks.lost, SizeIs(2));
  EXPECT_EQ(salvaged.marks.lost[0].offset, std::nullopt);
  EXPECT_EQ(salvaged.marks.lost[1].offset, 2u);
  EXPECT_THAT(put_into_fresh({placed(2, 6)}), ElementsAre(5)) << "the log gives it again";
}

TEST_F(SalvagedMarksTest, NoRowIsGivenOutTwiceThoughTheNewestAreGone) {
  put(*open(), {placed(1, 5), placed(2, 6), placed(3, 7)});
  {
    auto database = Database::open(path(), SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(database->execute("DELETE FROM stored_marks WHERE id > 1"));
  }
  salvage();
  EXPECT_THAT(put_into_fresh({placed(9, 9)}), ElementsAre(4));
}

}  // namespace
}  // namespace slipstream
