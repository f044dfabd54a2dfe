#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "store/rollup_store.h"
#include "store/schema_sql.h"

namespace slipstream {

/// A store in a directory of its own, and rollups to put into it.
class RollupStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name =
        (std::filesystem::temp_directory_path() / "slipstream-store-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<RollupStore> open(StoreOptions options = {}) {
    auto store = RollupStore::open(directory_, options, schema_.fields());
    EXPECT_TRUE(store) << (store ? "" : store.error().message);
    return store ? std::move(*store) : nullptr;
  }
  RollupPtr tagged(std::uint8_t id, std::int64_t last_s, std::string tags) {
    auto r = std::make_shared<Rollup>(*rollup(id, last_s));
    r->tags = std::move(tags);
    return r;
  }
  RollupPtr rollup(std::uint8_t id, std::int64_t last_s, std::string chassis = "GR86-01",
                   int lap = 1) {
    auto r = std::make_shared<Rollup>();
    r->window = id % 2 == 0 ? "sector" : "second";
    r->window_id[15] = id;
    r->track = "cota";
    r->chassis = std::move(chassis);
    r->lap = lap;
    r->sector = 2;
    r->count = 10;
    r->first_time = {(last_s - 1) * kNsPerSecond};
    r->last_time = {last_s * kNsPerSecond};
    r->stored = true;
    r->fields = {{field::kSpeedKmh, 10, 104.5, 100, 109, 2.5, 100, 109}};
    return r;
  }

  /// `count` rollups, a second apart, in one commit; `first` numbers them.
  RollupBatch many(std::uint32_t first, std::uint32_t count) {
    RollupBatch all;
    for (std::uint32_t n = first; n < first + count; ++n) {
      auto r = std::make_shared<Rollup>(*rollup(2, n));
      for (std::size_t i = 0; i < sizeof n; ++i) {
        r->window_id[8 + i] = static_cast<std::uint8_t>(n >> (8 * i));
      }
      all.push_back(std::move(r));
    }
    return all;
  }
  std::string path() const { return (directory_ / kStoreFile).string(); }

  std::filesystem::path directory_;
  Schema schema_;
};

}  // namespace slipstream
