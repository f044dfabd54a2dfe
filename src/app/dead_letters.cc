#include "app/dead_letters.h"

#include <fmt/format.h>

#include <fstream>

#include "base/json_text.h"
#include "codec/point_json.h"
#include "codec/point_log_decoder.h"
#include "ops/logging.h"
#include "pipeline/replay.h"

namespace slipstream {
namespace {

/// One line of the file.
class Letter {
 public:
  Letter(DurableParts& parts, const DeadRange& dead) : parts_(parts) {
    line_ = R"({"time":)";
    append_json_time(line_, parts.clock.now().ns);
    line_ += fmt::format(R"(,"partition":{},"offset":{},"count":{},"reason":)",
                         dead.partition.number, dead.from, dead.to - dead.from);
    append_json_string(line_, dead.reason);
    line_ += R"(,"points":[)";
  }
  void add(PointBatchPtr batch) {
    for (const Point& point : batch->points) {
      if (!std::exchange(is_first_, false)) line_ += ',';
      append_point_json(line_, *batch, point, parts_.schema);
    }
    parts_.pool.put(std::move(batch));
  }
  /// `is_whole`: it has all the points that it is about.
  void send(bool is_whole) {
    line_ += "]}\n";
    const auto path = parts_.config.store.data_dir / "dead-letter.ndjson";
    std::ofstream out(path, std::ios::app);
    if (!(out << line_).flush() || !is_whole) {
      log_error("dead letters could not be kept", {{"path", path.string()}});
    }
  }

 private:
  DurableParts& parts_;
  std::string line_;
  bool is_first_ = true;
};

}  // namespace

void write_dead_letters(DurableParts& parts, const DeadRange& dead) {
  Letter letter(parts, dead);
  const auto take = [&](LogWork item) {
    if (item.partition == dead.partition.number) letter.add(std::move(item.work.batch));
  };
  const auto read =
      replay_log(*parts.log, dead.from, dead.to, parts.schema, parts.pool, {.work = take});
  letter.send(read.has_value());
}

void write_dead_letters(DurableParts& parts, LogOffset base, std::string_view payload,
                        const std::string& why) {
  PointLogDecoder decoder(parts.schema.fields(), parts.pool);
  if (const auto opened = decoder.open(payload); !opened) {
    log_error("dead letters could not be kept", {{"why", opened.error().message}});
    return;
  }
  for (LogEntry entry; decoder.next(entry);) {
    if (entry.kind != LogEntryKind::kPoints) continue;
    const LogOffset from = base + entry.index;
    Letter letter(parts, {embedded_partition(entry.partition), from, from + entry.count, why});
    letter.add(std::move(entry.points));
    letter.send(true);
  }
}

}  // namespace slipstream
