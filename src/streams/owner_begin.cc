// How an owner's session begins: what it takes over from the owners before.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "streams/owner_session.h"
#include "streams/rollup_entries.h"

namespace slipstream {
namespace {

constexpr std::string_view kPage = "1000";

}  // namespace

SessionStep OwnerSession::begin() {
  Loaded loaded;
  SessionStep done = make_fence();
  if (done == SessionStep::kWorked) done = load(loaded);
  if (done == SessionStep::kWorked) done = make_group(loaded);
  if (done == SessionStep::kWorked) done = catch_up_rollups();
  if (done == SessionStep::kWorked) done = start_partition(std::move(loaded));
  if (done == SessionStep::kWorked) done = claim_former_owners();
  if (done == SessionStep::kWorked) done = remove_former_owners();
  if (done == SessionStep::kWorked) done = read_pending();
  return done;
}

/// Written anew, though it says the same: what a session before has sent, and Redis has not done
/// yet, watches the fence and will do nothing.
SessionStep OwnerSession::make_fence() {
  const auto watched = call({"WATCH", keys_.fence});
  if (!watched) return lost(watched.error().message);
  if (watched->is_error()) return failed(*watched);
  const auto fence = call({"GET", keys_.fence});
  if (!fence) return lost(fence.error().message);
  if (fence->text() != token_) return SessionStep::kFenced;
  CommandBuffer& commands = connection_->commands();
  commands.command({"MULTI"});
  commands.command({"SET", keys_.fence, token_});
  queue_exec(2);
  const auto done = drain();
  // By whom the next session sees: it may have been one of our own, late.
  return done == SessionStep::kFenced ? lost("the fence was written meanwhile") : done;
}

SessionStep OwnerSession::load(Loaded& loaded) {
  loaded.state.partition = kStreamPartitions + number_;
  const auto members = call({"HGETALL", keys_.checkpoint});
  if (!members) return lost(members.error().message);
  if (members->is_error()) return failed(*members);
  for (std::size_t i = 0; i + 1 < members->size(); i += 2) {
    const std::string_view name = (*members)[i].text();
    const std::string_view value = (*members)[i + 1].text();
    if (name == checkpoint_member::kWindows) {
      loaded.state.windows = value;
    } else if (name == checkpoint_member::kLayout) {
      loaded.layout = value;
    } else if (name == checkpoint_member::kNewest) {
      loaded.newest = EntryId::parse(value).value_or(EntryId{});
    } else if (name.starts_with(checkpoint_member::kSeriesPrefix)) {
      std::uint32_t series = 0;
      const auto read = std::from_chars(name.data() + 1, name.data() + name.size(), series);
      if (read.ec != std::errc{} || read.ptr != name.data() + name.size()) continue;
      loaded.state.series.emplace_back(series, value);
    }
  }
  std::ranges::sort(loaded.state.series);
  newest_ = loaded.newest;
  return SessionStep::kWorked;
}

SessionStep OwnerSession::make_group(const Loaded& loaded) {
  // A group that was lost goes on behind what is in rollups; one lost with its stream, at the
  // beginning of the new one.
  const std::string from = !loaded.layout.empty()                 ? loaded.newest.text()
                           : memory_.had_group || options_.is_log ? "0"
                                                                  : options_.from;
  const auto made =
      call({"XGROUP", "CREATE", keys_.telemetry, options_.names.group, from, "MKSTREAM"});
  if (!made) return lost(made.error().message);
  if (made->is_error() && !made->text().starts_with("BUSYGROUP")) {
    return lost(fmt::format("the consumer group cannot be made: {}", made->text()));
  }
  if (!made->is_error()) memory_.told.reset();  // in a stream made anew, ids may be lower
  memory_.had_group = true;
  return SessionStep::kWorked;
}

SessionStep OwnerSession::catch_up_rollups() {
  RollupDecoder decoder(parts_.schema.fields());
  while (true) {
    const auto reply = call({"XREAD", "COUNT", kPage, "STREAMS", keys_.rollups,
                             EntryId{memory_.rollups_seen, 1}.text()});
    if (!reply) return lost(reply.error().message);
    if (reply->is_error()) return failed(*reply);
    const ReplyView entries = (*reply)[0][1];
    if (entries.size() == 0) return SessionStep::kWorked;
    const std::uint32_t partition = kStreamPartitions + number_;
    auto rollups = rollups_of_entries(
        entries, {.partition = partition, .stored = true, .now = now()}, decoder);
    const auto last = EntryId::parse(entries[entries.size() - 1][0].text());
    if (!last) return lost(fmt::format("{} has an entry without an id", keys_.rollups));
    memory_.rollups_seen = last->ms;
    parts_.store.accept({.partition = partition, .rollups = std::move(rollups)});
  }
}

std::unique_ptr<Partition> OwnerSession::make_partition(
    const std::vector<WindowDefinition>& definitions, PipelineStats& stats,
    std::unique_ptr<PointObserver> observer) {
  return std::make_unique<Partition>(kStreamPartitions + number_,
                                     PartitionContext{.clock = parts_.clock,
                                                      .ingest = parts_.ingest,
                                                      .stats = stats,
                                                      .schema = parts_.schema,
                                                      .accepted = parts_.accepted,
                                                      .outputs = collector_,
                                                      .definitions = definitions,
                                                      .max_series = options_.max_series,
                                                      .checkpoint_interval_ms = 0,
                                                      .queue = {}},
                                     std::move(observer));
}

SessionStep OwnerSession::start_partition(Loaded loaded) {
  if (!loaded.layout.empty() && loaded.layout != layout_) {
    if (const auto settled = settle_layout(loaded); settled != SessionStep::kWorked) {
      return settled;
    }
  }
  // Numbers of rollups go on even where the checkpoint was lost and the rollups were not.
  loaded.state.begin_sequence = std::max(loaded.state.begin_sequence, memory_.rollups_seen);
  if (!loaded.state.series.empty()) tick_from_ = steady() + kGraceNs;
  partition_ = make_partition(options_.windows, parts_.pipeline_stats,
                              parts_.make_observer(kStreamPartitions + number_));
  if (const auto begun = partition_->begin(loaded.state); !begun) {
    return lost(fmt::format("the checkpoint {} is not understood: {}", keys_.checkpoint,
                            begun.error().message));
  }
  return SessionStep::kWorked;
}

/// Closes the windows that were opened under other definitions, and begins with none.
SessionStep OwnerSession::settle_layout(Loaded& loaded) {
  const auto definitions = definitions_from_text(loaded.layout);
  if (!definitions) return lost(definitions.error().message);
  PipelineStats old_stats(definitions->size());
  const auto old = make_partition(*definitions, old_stats, nullptr);
  if (const auto begun = old->begin(loaded.state); !begun) return lost(begun.error().message);
  process(*old, {.kind = Work::Kind::kClose, .time = now()});
  std::vector<Output> outputs = collector_.take();

  PartitionState fresh{.partition = loaded.state.partition, .begin_sequence = old->sequence()};
  PipelineStats fresh_stats(options_.windows.size());
  const auto empty = make_partition(options_.windows, fresh_stats, nullptr);
  if (const auto begun = empty->begin(fresh); !begun) return lost(begun.error().message);
  process(*empty, {.kind = Work::Kind::kTick, .time = now()});
  empty->checkpoint();
  for (auto& output : collector_.take()) {
    for (const auto& series : loaded.state.series) {
      output.checkpoint->removed.push_back(series.first);
    }
    fresh.windows = output.checkpoint->windows;
    outputs.push_back(std::move(output));
  }
  loaded.state = std::move(fresh);
  prepare({.outputs = std::move(outputs), .layout = layout_, .newest = newest_});
  queue_transaction({.commits = true});
  return drain();
}

SessionStep OwnerSession::claim_former_owners() {
  const auto owners = call({"SMEMBERS", keys_.owners});
  if (!owners) return lost(owners.error().message);
  for (std::size_t i = 0; i < owners->size(); ++i) {
    former_owners_.emplace((*owners)[i].text());
  }
  former_owners_.erase(options_.consumer);
  const auto groups = call({"XINFO", "GROUPS", keys_.telemetry});
  if (!groups) return lost(groups.error().message);
  for (std::size_t i = 0; i < groups->size(); ++i) {
    if ((*groups)[i].member("name").text() != options_.names.group) continue;
    last_read_ =
        EntryId::parse((*groups)[i].member("last-delivered-id").text()).value_or(EntryId{});
  }
  if (!memory_.told) memory_.told = last_read_;
  const auto consumers = call({"XINFO", "CONSUMERS", keys_.telemetry, options_.names.group});
  if (!consumers) return lost(consumers.error().message);
  std::vector<std::string> with_pending;
  for (std::size_t i = 0; i < consumers->size(); ++i) {
    const ReplyView consumer = (*consumers)[i];
    std::string name(consumer.member("name").text());
    if (consumer.member("pending").integer() > 0 && former_owners_.contains(name)) {
      with_pending.push_back(std::move(name));
    }
  }
  for (const auto& name : with_pending) {
    if (const auto done = claim_all_of(name); done != SessionStep::kWorked) return done;
  }
  return SessionStep::kWorked;
}

/// They can be given no entries any more, unless they take the partition again. In a transaction
/// that holds only while they have not.
SessionStep OwnerSession::remove_former_owners() {
  if (former_owners_.empty()) return SessionStep::kWorked;
  CommandBuffer& commands = connection_->commands();
  commands.command({"MULTI"});
  for (const auto& name : former_owners_) {
    commands.command({"XGROUP", "DELCONSUMER", keys_.telemetry, options_.names.group, name});
    commands.command({"SREM", keys_.owners, name});
  }
  queue_exec(1 + 2 * former_owners_.size());
  return drain();
}

SessionStep OwnerSession::claim_all_of(const std::string& consumer) {
  std::string after = "-";
  while (true) {
    const auto pending =
        call({"XPENDING", keys_.telemetry, options_.names.group, after, "+", kPage, consumer});
    if (!pending) return lost(pending.error().message);
    if (pending->is_error()) return failed(*pending);
    if (pending->size() == 0) return SessionStep::kWorked;
    CommandBuffer& commands = connection_->commands();
    commands.command({"MULTI"});
    commands.begin(6 + pending->size());
    for (const std::string_view part :
         {std::string_view("XCLAIM"), std::string_view(keys_.telemetry),
          std::string_view(options_.names.group), std::string_view(options_.consumer),
          std::string_view("0")}) {
      commands.arg(part);
    }
    for (std::size_t i = 0; i < pending->size(); ++i) commands.arg((*pending)[i][0].text());
    commands.arg("JUSTID");
    after = fmt::format("({}", (*pending)[pending->size() - 1][0].text());
    queue_exec(2);
    if (const auto claimed = drain(); claimed != SessionStep::kWorked) return claimed;
  }
}

SessionStep OwnerSession::read_pending() {
  std::string after = "0-0";
  while (true) {
    const auto reply = call({"XREADGROUP", "GROUP", options_.names.group, options_.consumer,
                             "COUNT", kPage, "STREAMS", keys_.telemetry, after});
    if (!reply) return lost(reply.error().message);
    if (reply->is_error()) return failed(*reply);
    const ReplyView entries = (*reply)[0][1];
    if (entries.size() == 0) break;
    after = entries[entries.size() - 1][0].text();
    delivered_ += entries.size();
    if (const auto taken = take_entries(entries, true); taken != SessionStep::kWorked) {
      return taken;
    }
    if (folded_.size() >= kMaxUncommitted) {
      if (const auto done = commit_now(); done != SessionStep::kWorked) return done;
    }
  }
  if (const auto done = commit_now(); done != SessionStep::kWorked) return done;
  memory_.is_suspicious = false;
  memory_.culprit.reset();
  return SessionStep::kWorked;
}

}  // namespace slipstream
