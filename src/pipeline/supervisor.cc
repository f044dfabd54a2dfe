#include "pipeline/supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "pipeline/partition.h"

namespace slipstream {

Supervisor::Supervisor(Parts parts, std::vector<DeadRange> dead)
    : parts_(std::move(parts)), dead_(std::move(dead)) {}

bool Supervisor::restart(Partition& partition) {
  CHECK(partition.failure().has_value(), "only a partition that failed is restarted");
  const DeadRange failure = *partition.failure();
  // Where it failed at what it folded again, the work in hand stands further on.
  const Work* const in_hand = partition.work_in_hand();
  const LogOffset end = in_hand != nullptr ? in_hand->offset : failure.from;
  if (parts_.log->synced_offset() < std::max(end, failure.to)) return false;
  if (is_new(failure)) {
    if (failure.from < end) {
      // It was folded before, and its rollups may be out: it is never left out.
      stats_.restarts.add();
    } else {
      settle(failure);
    }
  }
  if (auto rebuilt = rebuild(partition, end); !rebuilt) {
    parts_.warn(fmt::format("partition {} cannot be restarted: {}", partition.id().number,
                            rebuilt.error().message));
    partition.fail(failure);
    return false;
  }
  forget(partition.id());
  if (partition.failure()) return false;
  if (is_dead(partition.id(), end)) partition.skip_work_in_hand();
  parts_.warn(fmt::format("partition {} works again", partition.id().number));
  return true;
}

// A rebuild that fails, since the log or the store cannot be read, is tried again: but the work has
// failed no second time.
bool Supervisor::is_new(const DeadRange& failure) {
  const std::lock_guard lock(mutex_);
  return settled_.insert(failure.partition).second;
}

void Supervisor::forget(PartitionId partition) {
  const std::lock_guard lock(mutex_);
  settled_.erase(partition);
}

void Supervisor::settle(const DeadRange& failure) {
  CHECK(failure.from < failure.to, "a partition fails at some entry");
  stats_.restarts.add();
  int strikes = 0;
  {
    const std::lock_guard lock(mutex_);
    strikes = ++strikes_[{failure.partition, failure.from}];
    if (strikes >= kStrikes) dead_.push_back(failure);
  }
  parts_.warn(fmt::format("partition {} failed at {} to {} of the log, {}: {}",
                          failure.partition.number, failure.from, failure.to,
                          strikes < kStrikes ? "and is restarted" : "again: they are left out",
                          failure.reason));
  if (strikes < kStrikes) return;
  stats_.dead_points.add(failure.to - failure.from);
  parts_.outputs.accept(
      {.partition = failure.partition, .position = failure.to, .dead = {failure}});
  parts_.dead_letters(failure);
}

Result<void> Supervisor::rebuild(Partition& partition, LogOffset end) {
  rebuilding_.fetch_add(1);
  auto rebuilt = load_and_fold(partition, end);
  rebuilding_.fetch_sub(1);
  return rebuilt;
}

Result<void> Supervisor::load_and_fold(Partition& partition, LogOffset end) {
  auto state = parts_.load(partition.id());
  if (!state) return std::unexpected(state.error());
  if (auto reset = partition.reset(*state ? &**state : nullptr); !reset) return reset;
  CHECK(!partition.failure(), "a partition that was reset works again");
  const auto folded = fold_log({&partition}, end, nullptr, nullptr);
  if (!folded) return std::unexpected(folded.error());
  for (const auto& lost : folded->lost) {
    parts_.warn(fmt::format("partition {} is folded again without {} to {} of the log: {} {}",
                            partition.id().number, lost.from, lost.to, lost.file, lost.why));
  }
  return {};
}

bool Supervisor::is_dead(PartitionId partition, LogOffset at) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(dead_, [&](const DeadRange& dead) {
    return dead.partition == partition && dead.from <= at && at < dead.to;
  });
}

bool Supervisor::is_suspect(PartitionId partition, LogOffset from, LogOffset to) const {
  const std::lock_guard lock(mutex_);
  const auto strike = strikes_.lower_bound({partition, from});
  if (strike != strikes_.end() && strike->first < std::pair(partition, to)) return true;
  return std::ranges::any_of(dead_, [&](const DeadRange& dead) {
    return dead.partition == partition && dead.from < to && from < dead.to;
  });
}

void Supervisor::fold(Partition& partition, Work& work) {
  if (partition.failure() || work.end() <= partition.position()) return;
  if (work.kind != Work::Kind::kPoints) {
    if (is_dead(partition.id(), work.offset)) return partition.pass(work);
    return process(partition, work);
  }
  auto& points = work.batch->points;
  const LogOffset from = std::max(partition.position(), work.offset);
  points.erase(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(from - work.offset));
  work.count = points.size();
  work.offset = from;
  const LogOffset handed_over = partition.handed_over();
  if (from < handed_over && handed_over < work.end()) {
    // What was folded before ends within it.
    const auto border = points.begin() + static_cast<std::ptrdiff_t>(handed_over - from);
    const std::vector<Point> rest(border, points.end());
    points.erase(border, points.end());
    work.count = points.size();
    fold(partition, work);
    points = rest;
    work.offset = handed_over;
    work.count = points.size();
    return fold(partition, work);
  }
  if (!is_suspect(partition.id(), from, work.end())) return process(partition, work);
  // One by one: what the log gives at once may be many batches, of which others were folded, and
  // their rollups committed, before one failed.
  const std::vector<Point> all = points;
  work.count = 1;
  for (const Point& point : all) {
    points.assign(1, point);
    work.completed = 0;
    CHECK(work.offset >= partition.position(), "entries come in their order, each once");
    if (is_dead(partition.id(), work.offset)) {
      partition.pass(work);
    } else {
      process(partition, work);
      if (partition.failure()) return;
    }
    ++work.offset;
  }
}

void Supervisor::process(Partition& partition, Work& work) {
  try {
    partition.process(work);
  } catch (const std::exception& error) {
    partition.fail({partition.id(), work.offset, work.end(), error.what()});
  }
}

Result<ReplaySummary> Supervisor::fold_log(const std::vector<Partition*>& partitions, LogOffset end,
                                           const Progress& progress,
                                           decltype(ReplayTakers::key) take_key, ReadAhead ahead) {
  LogOffset from = end;
  std::map<std::uint32_t, Partition*> by_number;
  for (Partition* const partition : partitions) {
    from = std::min(from, partition->position());
    by_number[partition->id().number] = partition;
  }
  const auto take = [&](LogWork item) {
    if (progress) progress(item.work.end());
    if (!item.partition) {
      for (Partition* const partition : partitions) fold(*partition, item.work);
    } else if (const auto found = by_number.find(*item.partition); found != by_number.end()) {
      fold(*found->second, item.work);
    }
    if (item.work.batch) parts_.pool.put(std::move(item.work.batch));
  };
  const auto pass_gap = [&](LogOffset gap_from, LogOffset gap_to) {
    for (Partition* const partition : partitions) partition->pass_gap(gap_from, gap_to);
  };
  return replay_log(*parts_.log, from, end, parts_.schema, parts_.pool,
                    {.work = take, .key = std::move(take_key), .gap = pass_gap}, ahead);
}

Result<ReplaySummary> Supervisor::recover(const std::vector<Partition*>& partitions, LogOffset end,
                                          const Progress& progress) {
  // Before its points, as the first time: a checkpoint behind it would leave the key in neither.
  const auto commit_key = [&](const AnsweredKey& key, LogOffset behind) {
    parts_.outputs.accept({.position = behind, .keys = {key}});
  };
  auto summary = fold_log(partitions, end, progress, commit_key, parts_.ahead);
  if (!summary) return summary;
  for (Partition* const partition : partitions) {
    while (partition->failure()) {
      settle(*partition->failure());
      if (auto rebuilt = rebuild(*partition, end); !rebuilt) {
        return std::unexpected(rebuilt.error());
      }
    }
  }
  return summary;
}

}  // namespace slipstream
