#include "app/store_health.h"

#include <fmt/format.h>

#include "app/object_writer.h"
#include "store/schema_sql.h"

namespace slipstream {
namespace {

constexpr std::int64_t kLongReadNs = 60 * kNsPerSecond;

}  // namespace

void append_store(std::string& out, const Parts& parts) {
  const auto& stats = parts.store_writer->stats();
  const WalState wal = parts.store->wal();
  ObjectWriter store(out);
  store.number("written", stats.written.value());
  store.number("waiting", stats.waiting.value());
  store.number("repeated", stats.repeated.value());
  store.flag("failing", stats.failing.value() != 0);
  store.flag("damaged", parts.store->damage().has_value());
  store.number("walBytes", wal.bytes);
  store.number("walHeldSeconds", wal.held_ns / kNsPerSecond);
  store.text("walHeldBy", wal.reader);
}

std::vector<std::string> store_problems(const Parts& parts) {
  std::vector<std::string> problems;
  if (const auto damage = parts.store->damage()) {
    problems.push_back(fmt::format("store: {} is damaged ({}): {}",
                                   (parts.config.store.data_dir / kStoreFile).string(), *damage,
                                   kStoreDamageAdvice));
  }
  if (parts.store_writer->stats().failing.value() != 0) {
    problems.push_back(fmt::format("store: rollups cannot be written, {} are waiting",
                                   parts.store_writer->stats().waiting.value()));
  }
  return problems;
}

std::vector<std::string> store_notices(const Parts& parts) {
  const WalState wal = parts.store->wal();
  if (wal.held_ns < kLongReadNs) return {};
  return {fmt::format(
      "store: {} has held a read of slipstream.db for {} s: its write-ahead log is {} MiB and "
      "grows until that ends; end the query, or the process",
      wal.reader.empty() ? "somebody" : wal.reader, wal.held_ns / kNsPerSecond, wal.bytes >> 20)};
}

}  // namespace slipstream
