#include "app/store_component.h"

#include <fmt/format.h>

#include "app/marks_route.h"
#include "app/rollups_route.h"
#include "net/http_server.h"
#include "store/schema_sql.h"

namespace slipstream {

Result<std::unique_ptr<StoreComponent>> StoreComponent::open(
    DurableParts& durable, IoThread& queries, std::vector<RollupDestination> destinations) {
  const Config& config = durable.config;
  // Without its name on the disk all that is synced in it is lost with the power.
  if (auto made = durable.files.make_directories(config.store.data_dir); !made) {
    return std::unexpected(made.error());
  }
  auto lock = DataLock::take(config.store.data_dir);
  if (!lock) return std::unexpected(lock.error());
  durable.lock = std::move(*lock);
  auto store = RollupStore::open(config.store.data_dir,
                                 {.retention = {.hours = config.store.retention_hours,
                                                .rollups = config.store.retention_rollups,
                                                .windows = config.store.window_retention_hours},
                                  .destinations = std::move(destinations)},
                                 durable.schema.fields());
  if (!store) return std::unexpected(store.error());
  durable.store = std::move(*store);
  return std::unique_ptr<StoreComponent>(new StoreComponent(durable, queries));
}

StoreComponent::StoreComponent(DurableParts& durable, IoThread& queries)
    : durable_(durable),
      queries_(queries),
      memory_(durable.schema.fields(), durable.config.store.memory_rollups) {}

void StoreComponent::routes(HttpServer& http) {
  const CsvTexts texts = durable_.config.server.csv_raw ? CsvTexts::kRaw : CsvTexts::kGuarded;
  add_marks_route(http, {.store = *durable_.store, .queries = queries_, .texts = texts});
  add_rollups_route(http, {.windows = durable_.config.windows,
                           .store = *durable_.store,
                           .memory = memory_,
                           .queries = queries_,
                           .texts = texts});
}

Error StoreComponent::with_advice(Error error) const {
  if (durable_.store->damage() && error.code == ErrorCode::kCorrupt) {
    error.message =
        fmt::format("{}: {}: {}", (durable_.config.store.data_dir / kStoreFile).string(),
                    error.message, kStoreDamageAdvice);
  }
  return error;
}

}  // namespace slipstream
