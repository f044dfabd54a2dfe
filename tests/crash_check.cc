// What the store holds after a stop, against what was sent.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "crash_harness.h"
#include "store/sqlite.h"

namespace slipstream::crash {
namespace {

struct Sum {
  std::uint64_t count = 0;
  std::uint64_t n = 0;
  std::uint64_t w = 0;

  void add(const SentPoint& point) {
    ++count;
    n += point.n;
    w += point.w;
  }
  friend bool operator==(const Sum&, const Sum&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Sum& sum) {
    return out << fmt::format("{} points, sum of n {}, of w {}", sum.count, sum.n, sum.w);
  }
};
/// By window and whatever of a point its rollups tell.
using Sums = std::map<std::string, Sum>;

struct Kind {
  std::string name;
  std::int64_t every_ms;  ///< 0: not by time
  bool has_place;
};
const Kind kKinds[] = {{"bucket", 0, true},
                       {"sector", 0, true},
                       {"second", 1'000, false},
                       {"detail", 500, false},
                       {"seven", 0, false}};

std::string group(const Kind& kind, std::string_view track, std::string_view chassis,
                  std::int64_t lap, std::int64_t sector, std::int64_t time_ms) {
  std::string key = fmt::format("{} {} {}", kind.name, track, chassis);
  if (kind.has_place) key += fmt::format(" lap {} sector {}", lap, sector);
  if (kind.every_ms > 0) key += fmt::format(" at {}", time_ms / kind.every_ms * kind.every_ms);
  return key;
}

std::string group(const Kind& kind, const SentPoint& point) {
  return group(kind, point.track, point.chassis, point.lap, point.sector, point.time_ms);
}

Database open_store(const std::filesystem::path& directory) {
  auto database =
      Database::open((directory / "data" / "slipstream.db").string(), SQLITE_OPEN_READWRITE);
  if (!database) throw std::runtime_error(database.error().message);
  return std::move(*database);
}

Statement prepare(Database& database, std::string_view sql) {
  auto statement = database.prepare(sql);
  if (!statement) throw std::runtime_error(statement.error().message);
  return std::move(*statement);
}

bool step(Statement& statement) {
  const auto row = statement.step();
  if (!row) throw std::runtime_error(row.error().message);
  return *row;
}

Sums stored_sums(Database& database) {
  auto rows =
      prepare(database,
              "SELECT window, track, chassis, lap, sector, first_ns, last_ns, count, "
              "json_extract(stats, '$.avg_n'), json_extract(stats, '$.avg_w') FROM rollups");
  Sums sums;
  while (step(rows)) {
    const std::string_view window = rows.text(0);
    const auto kind = std::ranges::find(kKinds, window, &Kind::name);
    if (kind == std::end(kKinds)) {
      ADD_FAILURE() << "no such window: " << window;
      continue;
    }
    const std::int64_t first_ms = rows.integer(5) / 1'000'000;
    const std::int64_t last_ms = rows.integer(6) / 1'000'000;
    const auto key = [&](std::int64_t time_ms) {
      return group(*kind, rows.text(1), rows.text(2), rows.integer(3), rows.integer(4), time_ms);
    };
    EXPECT_EQ(key(first_ms), key(last_ms));
    Sum& sum = sums[key(first_ms)];
    const auto count = static_cast<std::uint64_t>(rows.integer(7));
    const auto whole = [count](std::string_view mean) {
      return static_cast<std::uint64_t>(
          std::llround(std::stod(std::string(mean)) * static_cast<double>(count)));
    };
    sum.count += count;
    sum.n += whole(rows.text(8));
    sum.w += whole(rows.text(9));
  }
  return sums;
}

void expect_unique(Database& database, std::string_view columns) {
  auto rows =
      prepare(database, fmt::format("SELECT count(*) FROM (SELECT {0} FROM rollups GROUP BY "
                                    "{0} HAVING count(*) > 1)",
                                    columns));
  ASSERT_TRUE(step(rows));
  EXPECT_EQ(rows.integer(0), 0) << columns << " is there twice";
}

void expect_equal(const Sums& stored, const Sums& expected) {
  int shown = 0;
  const auto differs = [&](const std::string& key, const Sum& is, const Sum& should) {
    if (++shown <= 12) ADD_FAILURE() << key << ": " << is << "; expected " << should;
  };
  for (const auto& [key, should] : expected) {
    const auto found = stored.find(key);
    const Sum is = found == stored.end() ? Sum{} : found->second;
    if (is != should) differs(key, is, should);
  }
  for (const auto& [key, is] : stored) {
    if (!expected.contains(key)) differs(key, is, {});
  }
  if (shown > 12) ADD_FAILURE() << "and " << shown - 12 << " more";
}

/// Whether any window shows a point of the body. Its cars are its own.
bool is_there(const SentBody& body, const Sums& stored) {
  return std::ranges::any_of(body.points, [&](const SentPoint& point) {
    return std::ranges::any_of(
        kKinds, [&](const Kind& kind) { return stored.contains(group(kind, point)); });
  });
}

}  // namespace

std::uint64_t expect_each_point_once(const std::filesystem::path& directory,
                                     const std::vector<SentBody>& bodies,
                                     const std::set<std::uint64_t>& left_out) {
  Database database = open_store(directory);
  expect_unique(database, "window_id");
  expect_unique(database, "partition, sequence");
  const Sums stored = stored_sums(database);
  Sums expected;
  std::uint64_t points = 0;
  for (const SentBody& body : bodies) {
    if (body.fate == Fate::kRefused) continue;
    if (body.fate == Fate::kUnknown && !is_there(body, stored)) continue;
    for (const SentPoint& point : body.points) {
      if (left_out.contains(point.n)) continue;
      ++points;
      for (const Kind& kind : kKinds) expected[group(kind, point)].add(point);
    }
  }
  expect_equal(stored, expected);
  for (const Kind& kind : kKinds) {
    auto count = prepare(database, "SELECT sum(count) FROM rollups WHERE window = ?1");
    count.bind(1, kind.name);
    EXPECT_TRUE(step(count));
    EXPECT_EQ(static_cast<std::uint64_t>(count.integer(0)), points) << kind.name;
  }
  return points;
}

}  // namespace slipstream::crash
