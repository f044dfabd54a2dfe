#include "codec/log_entry.h"

namespace slipstream {

void add_entry(LogRows& rows, const LogEntry& entry) {
  switch (entry.kind) {
    case LogEntryKind::kPoints:
      rows.add_points(*entry.points, entry.partition);
      break;
    case LogEntryKind::kTick:
      rows.add_tick(entry.time);
      break;
    case LogEntryKind::kClose:
      rows.add_close(entry.time);
      break;
    case LogEntryKind::kDefinitions:
      rows.add_definitions(entry.text);
      break;
    case LogEntryKind::kKey:
      rows.add_key(entry.key, entry.time, entry.status, entry.text);
      break;
    case LogEntryKind::kVoid:
      rows.add_void(entry.count);
      break;
    case LogEntryKind::kMark:
      rows.add_mark(entry.time, entry.text);
      break;
  }
}

void copy_without_points(const LogEntry& from, LogEntry& entry) {
  entry.kind = from.kind;
  entry.index = from.index;
  entry.count = from.count;
  entry.partition = from.partition;
  entry.time = from.time;
  entry.text = from.text;
  entry.key = from.key;
  entry.status = from.status;
  entry.points.reset();
}

}  // namespace slipstream
