#include "streams/owner_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "pipeline/sectors.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kSlice{50};
constexpr std::int64_t kTickNs = 50 * kNsPerMs;
constexpr std::int64_t kStallMs = 500;
constexpr std::int64_t kWatchNs = kNsPerSecond;
constexpr std::int64_t kOpenBlockMs = 100;  ///< while windows are open, so that they can be closed
constexpr std::uint64_t kYear2000Ms = 946'684'800'000;
/// Under load a commit is due when so many points share the writing of a series' open windows.
constexpr std::uint64_t kPointsPerSeries = 64;
/// Of a full read: what processors' caches hold.
constexpr std::size_t kAnswerBytes = std::size_t{512} << 10;
constexpr std::string_view kStream = "stream";
constexpr std::string_view kHash = "hash";

}  // namespace

OwnerSession::OwnerSession(std::unique_ptr<RedisConnection> connection, const StreamParts& parts,
                           const StreamOptions& options, std::uint32_t partition, std::string token,
                           SessionMemory& memory)
    : connection_(std::move(connection)),
      parts_(parts),
      options_(options),
      number_(partition),
      keys_(stream_keys(options.names, partition)),
      token_(std::move(token)),
      layout_(to_text(options.windows)),
      memory_(memory),
      stats_(parts.stats.partitions[partition]),
      decoder_(parts.schema, parts.ingest, parts.pool, options.instance,
               kStreamPartitions + partition),
      committer_(keys_,
                 {.group = options.names.group,
                  .maxlen = options.stream_maxlen,
                  .aggregate_windows = options.aggregate_windows},
                 parts.schema.fields()),
      types_{{keys_.dead, kStream},
             {keys_.aggregates, kStream},
             {keys_.rollups, kStream},
             {keys_.checkpoint, kHash}},
      count_(options.batch),
      last_tick_(parts.clock.steady()) {}

OwnerSession::~OwnerSession() = default;

SessionStep OwnerSession::step() {
  if (expected_.empty()) {
    if (!wrong_type_.empty()) return lost(wrong_type_);
    if (!parts_.store.has_room()) return SessionStep::kIdle;
    ask();
  }
  const auto reply = connection_->receive(redis_deadline_in(kSlice));
  if (!reply) {
    if (reply.error().is_lost()) return lost(reply.error().message);
    partition_->tick();
    return SessionStep::kIdle;
  }
  const Expected expected = expected_.front();
  expected_.pop_front();
  return on_reply(expected, *reply);
}

SessionStep OwnerSession::finish(bool close) {
  // Nothing has come, nothing is open: it is not waited for.
  const bool is_waiting = !expected_.empty() && expected_.front() == Expected::kNews;
  if (is_waiting && !has_uncommitted() && !partition_->has_open_windows()) {
    return SessionStep::kWorked;
  }
  if (const auto drained = drain(kFinishLimit); drained != SessionStep::kWorked) return drained;
  if (close) process(*partition_, {.kind = Work::Kind::kClose, .time = now()});
  return commit_now(kFinishLimit);
}

void OwnerSession::ask() {
  if (steady() >= watch_at_) queue_watch_of_group();
  if (!expected_.empty() || !is_drained_ || has_uncommitted() || wants_claim_) {
    take_turn(
        {.commits = !prepared_.empty() || commit_is_due(), .claims = wants_claim_, .reads = true});
  } else {
    queue_wait_for_news();
  }
  std::ignore = connection_->flush(redis_deadline_in(kSlice));
}

bool OwnerSession::has_uncommitted() const {
  return !prepared_.empty() || !folded_.empty() || !collector_.is_empty() ||
         !decoder_.dead().empty();
}

bool OwnerSession::commit_is_due() const {
  return has_uncommitted() && (is_drained_ || folded_.size() >= kMaxUncommitted ||
                               folded_points_ >= kPointsPerSeries * partition_->changed_series() ||
                               steady() - first_folded_ >= options_.commit_interval_ms * kNsPerMs);
}

void OwnerSession::take_turn(Turn turn) {
  if (turn.commits && prepared_.empty()) prepare_commit();
  queue_transaction(turn);
}

void OwnerSession::prepare_commit() {
  partition_->checkpoint();
  for (const auto& id : folded_) newest_ = std::max(newest_, id);
  folded_points_ = 0;
  prepare({.outputs = collector_.take(),
           .acks = std::exchange(folded_, {}),
           .dead = std::exchange(decoder_.dead(), {}),
           .layout = layout_,
           .newest = newest_});
}

void OwnerSession::prepare(StreamCommit commit) {
  preparing_ = std::move(commit);
  committer_.queue(prepared_, preparing_);
}

void OwnerSession::queue_transaction(Turn turn) {
  turn_ = turn;
  CommandBuffer& commands = connection_->commands();
  const std::size_t before = commands.size();
  commands.command({"MULTI"});
  if (turn.commits) {
    committing_ = std::exchange(preparing_, {});
    delivered_ -= std::min(delivered_, committing_.acks.size());
    committing_since_ = steady();
    commands.append(prepared_);
    prepared_.clear();
  }
  if (turn.claims) {
    wants_claim_ = false;
    commands.command({"XAUTOCLAIM", keys_.telemetry, options_.names.group, options_.consumer,
                      std::to_string(options_.claim_idle_ms), claim_cursor_, "COUNT",
                      std::to_string(options_.batch)});
  }
  if (turn.reads) {
    commands.command({"XREADGROUP", "GROUP", options_.names.group, options_.consumer, "COUNT",
                      std::to_string(count_), "STREAMS", keys_.telemetry, ">"});
  }
  queue_exec(commands.size() - before);
}

void OwnerSession::queue_exec(std::size_t queued) {
  CommandBuffer& commands = connection_->commands();
  expected_.insert(expected_.end(), queued, Expected::kQueued);
  commands.command({"EXEC"});
  expected_.push_back(Expected::kExec);
  commands.command({"WATCH", keys_.fence});
  expected_.push_back(Expected::kWatch);
  queue_types();
  commands.command({"GET", keys_.fence});
  expected_.push_back(Expected::kFence);
}

void OwnerSession::queue_types() {
  for (const auto& [key, type] : types_) connection_->commands().command({"TYPE", key});
  expected_.insert(expected_.end(), types_.size(), Expected::kType);
}

void OwnerSession::queue_watch_of_group() {
  watch_at_ = steady() + kWatchNs;
  delivered_then_ = delivered_;
  connection_->commands().command({"XPENDING", keys_.telemetry, options_.names.group});
  expected_.push_back(Expected::kSummary);
  connection_->commands().command({"XINFO", "GROUPS", keys_.telemetry});
  expected_.push_back(Expected::kGroups);
}

void OwnerSession::queue_wait_for_news() {
  const std::int64_t block_ms = partition_->has_open_windows()
                                    ? std::min(kOpenBlockMs, options_.block_ms)
                                    : options_.block_ms;
  connection_->commands().command({"XREAD", "COUNT", "1", "BLOCK", std::to_string(block_ms),
                                   "STREAMS", keys_.telemetry, last_read_.text()});
  expected_.push_back(Expected::kNews);
  queue_types();
}

SessionStep OwnerSession::on_reply(Expected expected, ReplyView reply) {
  switch (expected) {
    case Expected::kQueued:
      if (reply.is_error()) failed(reply);  // EXEC will say that nothing was done
      return SessionStep::kWorked;
    case Expected::kExec:
      return on_exec(reply);
    case Expected::kType:
      if (!reply.is_error()) on_type(reply.text());
      return SessionStep::kWorked;
    case Expected::kFence: {
      if (reply.text() != token_) return SessionStep::kFenced;
      const SessionStep done = on_turn();
      return done == SessionStep::kWorked && !wrong_type_.empty() ? lost(wrong_type_) : done;
    }
    case Expected::kSummary:
      return on_summary(reply);
    case Expected::kGroups:
      on_groups(reply);
      return SessionStep::kWorked;
    case Expected::kNews:
      if (reply.is_error()) return failed(reply);
      if (reply.is_nil()) tick();
      is_drained_ = reply.is_nil();
      return SessionStep::kWorked;
    case Expected::kWatch:
    case Expected::kTrimmed:
      return SessionStep::kWorked;
  }
  return SessionStep::kWorked;
}

SessionStep OwnerSession::on_exec(ReplyView exec) {
  if (exec.is_nil()) return SessionStep::kFenced;
  if (!exec.is_array()) {
    parts_.stats.commits_refused.add();
    return lost(fmt::format("a commit was refused: {}",
                            error_.empty() ? std::string(exec.text()) : error_));
  }
  // It is looked at when the fence, which follows it, has been seen.
  connection_->swap_reply(exec_);
  return SessionStep::kWorked;
}

void OwnerSession::on_type(std::string_view type) {
  const KeyType& should = types_[next_type_];
  next_type_ = (next_type_ + 1) % types_.size();
  if (type == should.type || type == "none") return;
  wrong_type_ = fmt::format("{} is a {}, no {}: nothing is read until it is moved away", should.key,
                            type, should.type);
}

SessionStep OwnerSession::on_turn() {
  const ReplyView replies = exec_.view();
  const Turn turn = std::exchange(turn_, {});
  std::size_t end = replies.size();
  const ReplyView read = turn.reads ? replies[--end] : ReplyView();
  const ReplyView claimed = turn.claims ? replies[--end] : ReplyView();
  for (std::size_t i = 0; i < end; ++i) {
    if (!replies[i].is_error()) continue;
    parts_.stats.commits_refused.add();
    return lost(
        fmt::format("a commit was done in part only: {}; is one of {}, {}, {} of another "
                    "type?",
                    replies[i].text(), keys_.aggregates, keys_.rollups, keys_.checkpoint));
  }
  if (turn.commits) after_commit();
  if (turn.claims) {
    if (const auto done = on_claimed(claimed); done != SessionStep::kWorked) return done;
  }
  const SessionStep done = turn.reads ? on_read(read) : SessionStep::kWorked;
  if (done == SessionStep::kWorked && (turn.commits || !has_uncommitted())) is_well_ = true;
  return done;
}

void OwnerSession::after_commit() {
  parts_.stats.commits.add();
  parts_.stats.commit_time.observe_ns(steady() - committing_since_);
  parts_.stats.entries_dead.add(committing_.dead.size());
  for (auto& output : committing_.outputs) {
    if (output.rollups.empty()) continue;
    for (const auto& rollup : output.rollups) {
      if (rollup->stored) memory_.rollups_seen = std::max(memory_.rollups_seen, rollup->sequence);
    }
    parts_.store.accept(
        {.partition = kStreamPartitions + number_, .rollups = std::move(output.rollups)});
  }
  committing_ = {};
}

SessionStep OwnerSession::on_read(ReplyView reply) {
  if (reply.is_error()) return failed(reply);
  const ReplyView entries = reply[0][1];
  const std::size_t taken = entries.size();
  const bool is_full = taken >= count_;
  is_drained_ = !is_full;
  delivered_ += taken;
  parts_.stats.entries.add(taken);
  if (taken > 0) {
    parts_.stats.batch.set(static_cast<std::int64_t>(taken));
    last_read_ = EntryId::parse(entries[taken - 1][0].text()).value_or(last_read_);
  }
  adapt_count(taken, is_full);
  // The server reads on while this is folded.
  if (is_full && parts_.store.has_room() && !is_finishing_ && wrong_type_.empty()) ask();
  if (const auto folded = take_entries(entries, false); folded != SessionStep::kWorked) {
    return folded;
  }
  partition_->tick();
  if (is_drained_) tick();
  if (!expected_.empty() && prepared_.empty() && commit_is_due()) prepare_commit();
  return SessionStep::kWorked;
}

void OwnerSession::adapt_count(std::size_t taken, bool is_full) {
  if (is_full) {
    const std::size_t fitting = std::max<std::size_t>(1, taken * kAnswerBytes / exec_.bytes());
    count_ = static_cast<std::uint32_t>(
        std::min({std::size_t{count_} * 2, std::size_t{options_.max_batch}, fitting}));
    return;
  }
  if (taken < count_ / 4) count_ /= 2;
  count_ = std::max(count_, options_.batch);
}

SessionStep OwnerSession::on_summary(ReplyView reply) {
  if (reply.is_error()) return failed(reply);
  stats_.pending.set(reply[0].integer());
  const ReplyView consumers = reply[3];
  for (std::size_t i = 0; i < consumers.size(); ++i) {
    const std::string_view name = consumers[i][0].text();
    const auto pending = static_cast<std::size_t>(consumers[i][1].integer());
    if (name == options_.consumer) {
      if (pending > delivered_then_) return lost("entries were delivered and did not arrive");
    } else if (former_owners_.contains(name)) {
      return lost("an owner before has entries: they are claimed");
    } else {
      wants_claim_ = true;
    }
  }
  return SessionStep::kWorked;
}

void OwnerSession::on_groups(ReplyView reply) {
  for (std::size_t i = 0; i < reply.size(); ++i) {
    const ReplyView group = reply[i];
    if (group.member("name").text() != options_.names.group) continue;
    const ReplyView lag = group.member("lag");
    // The server's count stays too high after it has read its AOF: it is not asked where we know.
    stats_.lag.set(is_drained_ ? 0 : lag.is_nil() ? -1 : lag.integer());
    const auto needed = static_cast<std::uint64_t>(group.member("pending").integer() +
                                                   std::max<std::int64_t>(lag.integer(), 0));
    if (!options_.is_log || lag.is_nil() || needed >= options_.stream_maxlen || is_finishing_) {
      return;
    }
    connection_->commands().command(
        {"XTRIM", keys_.telemetry, "MAXLEN", "~", std::to_string(options_.stream_maxlen)});
    expected_.push_back(Expected::kTrimmed);
    return;
  }
}

SessionStep OwnerSession::on_claimed(ReplyView reply) {
  if (reply.is_error()) return failed(reply);
  claim_cursor_ = reply[0].text();
  parts_.stats.entries_deleted.add(reply[2].size());
  const ReplyView entries = reply[1];
  if (entries.size() == 0) return SessionStep::kWorked;
  std::set<EntryId> ours(folded_.begin(), folded_.end());
  ours.insert(preparing_.acks.begin(), preparing_.acks.end());
  return take_entries(entries, true, &ours);
}

SessionStep OwnerSession::take_entries(ReplyView entries, bool again,
                                       const std::set<EntryId>* except) {
  if (folded_.empty()) first_folded_ = steady();
  if (again) parts_.stats.entries_again.add(entries.size());
  decoder_.set_counting(!again || except != nullptr);
  bool were_told = false;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto id = EntryId::parse(entries[i][0].text());
    if (!id) return lost(fmt::format("{} has an entry without an id", keys_.telemetry));
    if (except != nullptr) {
      if (except->contains(*id)) continue;
      ++delivered_;
    }
    if (const bool told = is_told(*id); told != were_told) {
      decoder_.cut();
      if (const auto folded = fold(were_told, *id); folded != SessionStep::kWorked) return folded;
      were_told = told;
    }
    take_entry(*id, entries[i][1]);
    if (memory_.is_suspicious) decoder_.cut();
    if (const auto folded = fold(were_told, *id); folded != SessionStep::kWorked) return folded;
  }
  decoder_.cut();
  if (folded_.empty()) return SessionStep::kWorked;
  return fold(were_told, folded_.back());
}

void OwnerSession::take_entry(EntryId id, ReplyView fields) {
  folded_.push_back(id);
  if (fields.is_nil()) {
    parts_.stats.entries_deleted.add();
    return;
  }
  if (id == memory_.culprit) {
    DeadEntry dead{.id = id.text(), .reason = "worker_failed", .message = memory_.why};
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
      dead.fields.emplace_back(fields[i].text(), fields[i + 1].text());
    }
    decoder_.dead().push_back(std::move(dead));
    return;
  }
  const ArrivalTime arrival = now();
  const auto now_ms = static_cast<std::uint64_t>(arrival.ns / kNsPerMs);
  const bool is_time = id.ms >= kYear2000Ms && id.ms <= now_ms;
  const EventTime written{is_time ? static_cast<std::int64_t>(id.ms) * kNsPerMs : arrival.ns};
  decoder_.decode(id, fields, arrival, written);
}

SessionStep OwnerSession::fold(bool is_told, EntryId last) {
  for (auto& [batch, is_own, last_in_it] : decoder_.batches()) {
    derive_sectors(*batch, parts_.sectors);
    folded_points_ += batch->points.size();
    // Our own points have been told of when they came in.
    Work work{.batch = std::move(batch), .time = now(), .replayed = is_told || is_own};
    try {
      process(*partition_, std::move(work));
    } catch (const std::exception& failure) {
      parts_.warn(
          fmt::format("partition {}: its work failed, it starts again from its checkpoint: {}",
                      number_, failure.what()));
      if (memory_.is_suspicious) {
        memory_.culprit = last;
        memory_.why = failure.what();
      }
      memory_.is_suspicious = true;
      return lost("its work failed");
    }
    memory_.told = std::max(memory_.told.value_or(EntryId{}), last_in_it);
  }
  decoder_.batches().clear();
  return SessionStep::kWorked;
}

void OwnerSession::process(Partition& partition, Work work) {
  work.offset = position_;
  position_ += work.count;
  partition.process(work);
  if (work.batch) parts_.pool.put(std::move(work.batch));
}

void OwnerSession::tick() {
  const SteadyTime at = steady();
  if (at - last_tick_ < kTickNs) return;
  const std::int64_t gap_ns = at - std::exchange(last_tick_, at);
  if (gap_ns > (options_.block_ms + kStallMs) * kNsPerMs) tick_from_ = at + kGraceNs;
  if (at < tick_from_) return;
  process(*partition_, {.kind = Work::Kind::kTick, .time = floor_to_ms(now())});
}

SessionStep OwnerSession::drain(std::chrono::milliseconds time) {
  is_finishing_ = true;
  const auto limit = redis_deadline_in(time);
  SessionStep done = SessionStep::kWorked;
  while (!expected_.empty() && done == SessionStep::kWorked) {
    const auto reply = connection_->receive(limit);
    if (!reply && reply.error().is_timeout() && std::chrono::steady_clock::now() < limit) continue;
    if (!reply) return lost(reply.error().message);
    const Expected expected = expected_.front();
    expected_.pop_front();
    done = on_reply(expected, *reply);
  }
  is_finishing_ = false;
  return done;
}

SessionStep OwnerSession::commit_now(std::chrono::milliseconds limit) {
  while (has_uncommitted()) {
    if (!wrong_type_.empty()) return lost(wrong_type_);
    take_turn({.commits = true});
    if (const auto done = drain(limit); done != SessionStep::kWorked) return done;
  }
  return SessionStep::kWorked;
}

SessionStep OwnerSession::lost(std::string why) {
  error_ = std::move(why);
  return SessionStep::kLost;
}

SessionStep OwnerSession::failed(ReplyView error) {
  if (is_redirect(error)) parts_.servers.learn(error, *connection_);
  return lost(std::string(error.text()));
}

std::expected<ReplyView, RedisFailure> OwnerSession::call(
    std::initializer_list<std::string_view> arguments) {
  return connection_->call(arguments, redis_deadline_in(kCallLimit));
}

}  // namespace slipstream
