#include "app/dead_letters.h"

#include <fmt/format.h>

#include <fstream>

#include "base/json_text.h"
#include "codec/point_json.h"
#include "ops/logging.h"
#include "pipeline/replay.h"

namespace slipstream {

void write_dead_letters(DurableParts& parts, const DeadRange& dead) {
  std::string line = R"({"time":)";
  append_json_time(line, parts.clock.now().ns);
  line += fmt::format(R"(,"partition":{},"offset":{},"count":{},"reason":)", dead.partition,
                      dead.from, dead.to - dead.from);
  append_json_string(line, dead.reason);
  line += R"(,"points":[)";
  bool first = true;
  const auto take = [&](LogWork item) {
    if (item.partition != dead.partition) return;
    for (const Point& point : item.work.batch->points) {
      if (!std::exchange(first, false)) line += ',';
      append_point_json(line, *item.work.batch, point, parts.schema);
    }
    parts.pool.put(std::move(item.work.batch));
  };
  const auto read =
      replay_log(*parts.log, dead.from, dead.to, parts.schema, parts.pool, {.work = take});
  line += "]}\n";
  const auto path = parts.config.store.data_dir / "dead-letter.ndjson";
  std::ofstream out(path, std::ios::app);
  if (!(out << line).flush() || !read) {
    log_error("dead letters could not be kept", {{"path", path.string()}});
  }
}

}  // namespace slipstream
