#include "app/store_component.h"

#include <fmt/format.h>

#include <utility>

#include "app/health_page.h"
#include "app/instance_id.h"
#include "app/marks_route.h"
#include "app/rollups_route.h"
#include "base/json_text.h"
#include "net/http_server.h"
#include "ops/logging.h"
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
  const auto instance = instance_id(durable.files, config.store.data_dir);
  // A disk that is full keeps no server from what it can still do.
  if (!instance) {
    log_warn("this server has no id that others could know it by",
             {{"why", instance.error().message}});
  }
  auto store = RollupStore::open(config.store.data_dir,
                                 {.retention = {.hours = config.store.retention_hours,
                                                .rollups = config.store.retention_rollups,
                                                .windows = config.store.window_retention_hours},
                                  .destinations = std::move(destinations),
                                  .session_gap_ns = config.racing.session_gap_ns()},
                                 durable.schema.fields());
  if (!store) return std::unexpected(store.error());
  durable.store = std::move(*store);
  return std::unique_ptr<StoreComponent>(
      new StoreComponent(durable, queries, instance.value_or("")));
}

StoreComponent::StoreComponent(DurableParts& durable, IoThread& queries, std::string instance)
    : durable_(durable),
      queries_(queries),
      instance_(std::move(instance)),
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

void StoreComponent::health(HealthPage& page) const {
  if (!instance_.empty()) append_json_string(page.member("instance"), instance_);
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
