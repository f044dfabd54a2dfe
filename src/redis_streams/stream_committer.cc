#include "redis_streams/stream_committer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "codec/mark_json.h"
#include "codec/rollup_json.h"
#include "redis_streams/rollup_entries.h"

namespace slipstream {
namespace {

std::string series_member(std::uint32_t number) {
  return checkpoint_member::kSeriesPrefix + std::to_string(number);
}

}  // namespace

StreamCommitter::StreamCommitter(StreamKeys keys, Options options, const FieldTable& fields)
    : keys_(std::move(keys)),
      options_(std::move(options)),
      fields_(fields),
      maxlen_(std::to_string(options_.maxlen)) {}

std::size_t StreamCommitter::queue(CommandBuffer& commands, const PartitionCommit& commit,
                                   std::span<const EntryId> acks, EntryId newest) {
  const std::size_t before = commands.size();
  for (const auto& output : commit.outputs) {
    CHECK(output.rollups.empty() || output.marks.empty(),
          "a stream takes ids that go up: one piece of work numbers rollups, or a mark");
    queue_rollups(commands, output.rollups);
    queue_marks(commands, output.marks);
    if (output.checkpoint) queue_checkpoint(commands, *output.checkpoint, commit.layout, newest);
  }
  // Once, where every XADD would have to look.
  const auto trim = [&](const std::string& stream) {
    commands.command({"XTRIM", stream, "MAXLEN", "~", maxlen_, "LIMIT", "0"});
  };
  if (std::exchange(has_aggregates_, false)) trim(keys_.aggregates);
  if (std::exchange(has_rollups_, false)) trim(keys_.rollups);
  for (const auto& dead : commit.dead) queue_dead(commands, dead);
  if (!acks.empty()) {
    commands.begin(3 + acks.size());
    commands.arg("XACK");
    commands.arg(keys_.telemetry);
    commands.arg(options_.group);
    for (const auto& id : acks) commands.arg_id(id.ms, id.number);
  }
  return commands.size() - before;
}

void StreamCommitter::queue_rollups(CommandBuffer& commands, const RollupBatch& rollups) {
  for (const auto& rollup : rollups) {
    const bool is_aggregate = std::ranges::find(options_.aggregate_windows, rollup->window) !=
                              options_.aggregate_windows.end();
    if (!is_aggregate && !rollup->stored) continue;
    const auto add = [&](const std::string& stream, std::string_view id,
                         const RollupSelection& selection) {
      if (payload_.empty() || !selection.takes_all()) {
        payload_.clear();
        append_rollup_json(payload_, *rollup, fields_, selection);
      }
      commands.command({"XADD", stream, id, "payload", payload_});
    };
    payload_.clear();
    if (rollup->stored) add(keys_.rollups, EntryId{rollup->sequence, 1}.text(), {});
    if (is_aggregate) add(keys_.aggregates, "*", options_.aggregate_selection);
    has_aggregates_ = has_aggregates_ || is_aggregate;
    has_rollups_ = has_rollups_ || rollup->stored;
  }
}

void StreamCommitter::queue_marks(CommandBuffer& commands, const std::vector<PlacedMark>& marks) {
  for (const auto& placed : marks) {
    payload_.clear();
    append_mark_json(payload_, *placed.mark);
    commands.command({"XADD", keys_.rollups, EntryId{placed.sequence, 1}.text(), mark_entry::kMark,
                      payload_, mark_entry::kArrival, std::to_string(placed.mark->arrival.ns)});
    has_rollups_ = true;
  }
}

void StreamCommitter::queue_checkpoint(CommandBuffer& commands, const Checkpoint& checkpoint,
                                       std::string_view layout, EntryId newest) {
  // Removed first: a number that was given up may have been given to another series since.
  if (!checkpoint.removed.empty()) {
    commands.begin(2 + checkpoint.removed.size());
    commands.arg("HDEL");
    commands.arg(keys_.checkpoint);
    for (const auto number : checkpoint.removed) commands.arg(series_member(number));
  }
  const bool has_layout = !layout.empty();
  commands.begin(6 + 2 * checkpoint.changed.size() + (has_layout ? 2 : 0));
  commands.arg("HSET");
  commands.arg(keys_.checkpoint);
  commands.arg(checkpoint_member::kWindows);
  commands.arg(checkpoint.windows);
  commands.arg(checkpoint_member::kNewest);
  commands.arg_id(newest.ms, newest.number);
  if (has_layout) {
    commands.arg(checkpoint_member::kLayout);
    commands.arg(layout);
  }
  for (const auto& [number, state] : checkpoint.changed) {
    commands.arg(series_member(number));
    commands.arg(state);
  }
}

void StreamCommitter::queue_dead(CommandBuffer& commands, const DeadEntry& dead) const {
  const std::string id = EntryId::at(dead.at).text();
  commands.begin(9 + 2 * dead.fields.size());
  for (const std::string_view part :
       {std::string_view("XADD"), std::string_view(keys_.dead), std::string_view("*"),
        std::string_view("reason"), std::string_view(dead.reason), std::string_view("message"),
        std::string_view(dead.message), std::string_view("entry"), std::string_view(id)}) {
    commands.arg(part);
  }
  for (const auto& [name, value] : dead.fields) {
    commands.arg(name);
    commands.arg(value);
  }
}

}  // namespace slipstream
