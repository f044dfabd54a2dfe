#include "pipeline/series_table.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <optional>

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A table as a partition uses it.
class Table {
 public:
  explicit Table(std::size_t max_series) : table_(max_series) {}

  std::uint32_t see(std::string_view chassis, std::int64_t ms,
                    std::optional<std::uint64_t> hash = {}) {
    PointBatch batch;
    batch.text = fmt::format("cota{}", chassis);
    Point point{};
    point.track = {0, 4};
    point.chassis = {4, static_cast<std::uint32_t>(chassis.size())};
    point.series_hash = hash.value_or(series_hash("cota", chassis));
    evicted.clear();
    const auto number = table_.find_or_add(batch, point, {}, evicted);
    table_[number].last_arrival = {ms * kNsPerMs};
    return number;
  }
  SeriesTable& operator*() { return table_; }
  SeriesTable* operator->() { return &table_; }

  std::vector<std::uint32_t> evicted;

 private:
  SeriesTable table_;
};

TEST(SeriesTable, OldestGoFirstAndOfEqualOnesTheSmallestNumber) {
  Table table(4);
  EXPECT_EQ(table.see("a", 5), 0u);
  EXPECT_EQ(table.see("b", 3), 1u);
  EXPECT_EQ(table.see("c", 3), 2u);
  EXPECT_EQ(table.see("d", 9), 3u);
  EXPECT_EQ(table.see("e", 9), 1u);
  EXPECT_THAT(table.evicted, ElementsAre(1));
  EXPECT_EQ(table.see("f", 9), 2u);
  EXPECT_EQ(table.see("a", 9), 0u);
}

TEST(SeriesTable, SmallestFreeNumberIsGivenOut) {
  Table table(48);
  for (int i = 0; i < 48; ++i) table.see(fmt::format("car {}", i), 100 - i);
  EXPECT_EQ(table.see("new", 200), 45u);  // a sixteenth has gone, oldest first
  EXPECT_THAT(table.evicted, ElementsAre(47, 46, 45));
  EXPECT_EQ(table.see("newer", 200), 46u);
  EXPECT_EQ(table.see("newest", 200), 47u);
}

TEST(SeriesTable, SeriesOfOneHashAreToldApartWhicheverOfThemGoes) {
  for (int gone = 0; gone < 3; ++gone) {
    Table table(3);
    for (int i = 0; i < 3; ++i) table.see(fmt::format("car {}", i), i == gone ? 0 : 10, 42);
    table.see("other", 10);
    ASSERT_THAT(table.evicted, ElementsAre(gone));
    for (int i = 0; i < 3; ++i) {
      if (i == gone) continue;
      EXPECT_EQ(table.see(fmt::format("car {}", i), 10, 42), static_cast<std::uint32_t>(i));
      EXPECT_THAT(table.evicted, IsEmpty());
    }
    EXPECT_EQ(table->size(), 3u);
  }
}

TEST(SeriesTable, RestoredSeriesOfOneHashAreFound) {
  Table table(10);
  for (const std::uint32_t number : {5u, 2u, 7u}) {
    ASSERT_TRUE(table->restore(number, {.name = {"cota", std::to_string(number), {}}, .hash = 42}));
  }
  for (const std::uint32_t number : {2u, 5u, 7u}) {
    EXPECT_EQ(table.see(std::to_string(number), 1, 42), number);
  }
  EXPECT_EQ(table.see("0", 1, 42), 0u);
  EXPECT_EQ(table->size(), 4u);
}

TEST(SeriesTable, RestoreRefusesWhatCannotBe) {
  Table table(10);
  const SeriesState a{.name = {"cota", "a", {}}, .hash = 1};
  ASSERT_TRUE(table->restore(1, a));
  EXPECT_THAT(table->restore(2, a).error().message, HasSubstr("another number"));
  EXPECT_THAT(table->restore(1, {.name = {"cota", "b", {}}, .hash = 2}).error().message,
              HasSubstr("in use"));
  EXPECT_FALSE(table->restore(SeriesTable::kMaxNumber + 1, {.name = {"", "c", {}}}));
  EXPECT_EQ(table->size(), 1u);
}

TEST(SeriesTable, MoreSeriesThanAllowedMakeRoomAtOnce) {
  Table table(3);
  for (std::uint32_t number = 0; number < 8; ++number) {
    ASSERT_TRUE(
        table->restore(number, {.name = {"cota", std::to_string(number), {}}, .hash = number}));
  }
  table.see("new", 1);
  EXPECT_THAT(table.evicted, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(table->size(), 3u);
}

/// All of it saved and read into another table, in some order.
void restore_into(SeriesTable& restored, const SeriesTable& table, bool backwards) {
  for (std::uint32_t i = 0; i < table.numbers_end(); ++i) {
    const std::uint32_t number = backwards ? table.numbers_end() - 1 - i : i;
    if (!table[number].in_use) continue;
    std::string bytes;
    save(table[number], bytes);
    auto state = series_state_from(bytes);
    RC_ASSERT(state.has_value());
    std::string again;
    save(*state, again);
    RC_ASSERT(again == bytes);
    RC_ASSERT(restored.restore(number, std::move(*state)).has_value());
  }
}

RC_GTEST_PROP(SeriesTable, RestoredTableGivesTheSameNumbersAndEvictions, ()) {
  const auto max_series = *rc::gen::inRange<std::size_t>(1, 40);
  Table whole(max_series);
  std::optional<Table> other(std::in_place, max_series);
  const int steps = *rc::gen::inRange(0, 300);
  for (int step = 0; step < steps; ++step) {
    const auto chassis = fmt::format("car {}", *rc::gen::inRange(0, 60));
    const std::int64_t ms = step / 10 - *rc::gen::inRange(0, 5);
    RC_ASSERT(whole.see(chassis, ms) == other->see(chassis, ms));
    RC_ASSERT(whole.evicted == other->evicted);
    RC_ASSERT(whole->size() == (*other)->size());
    RC_ASSERT(whole->size() <= max_series);
    if (*rc::gen::inRange(0, 20) == 0) {
      Table restored(max_series);
      restore_into(*restored, **other, step % 2 == 1);
      other.emplace(std::move(restored));
    }
  }
}

TEST(SeriesState, ReadsBackAsItWas) {
  SeriesState state{.name = {"cota", "GR86-01", {}},
                    .last_arrival = {1'757'000'000'123'999'999},
                    .lap = 7,
                    .sector = Point::kNoSector,
                    .sector_lap = -1};
  for (const std::uint64_t number : {1u, 2u, 5u, 4u, 4u}) state.sequence.see(number);
  std::string bytes;
  save(state, bytes);
  auto read = series_state_from(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name.track(), "cota");
  EXPECT_EQ(read->name.chassis(), "GR86-01");
  EXPECT_EQ(read->hash, series_hash("cota", "GR86-01"));
  EXPECT_EQ(read->last_arrival.ns, 1'757'000'000'123'000'000);
  EXPECT_EQ(read->lap, 7);
  EXPECT_EQ(read->sector, Point::kNoSector);
  EXPECT_EQ(read->sector_lap, -1);
  EXPECT_TRUE(read->in_use);
  EXPECT_EQ(read->sequence.missing(), 1u);
  EXPECT_EQ(read->sequence.repeats(), 1u);
  EXPECT_EQ(read->sequence.see(3).missing, -1);  // which have come is known still
  EXPECT_EQ(read->sequence.see(3).repeats, 1u);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(series_state_from(std::string_view(bytes).substr(0, size)));
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    if (auto other = series_state_from(damaged)) other->sequence.see(6);
  }
}

}  // namespace
}  // namespace slipstream
