#include "redis_streams/redis_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kFlushSlice{50};
constexpr std::int64_t kWatchNs = kNsPerSecond;
constexpr std::uint64_t kYear2000Ms = 946'684'800'000;
/// Of a full read: what processors' caches hold.
constexpr std::size_t kAnswerBytes = std::size_t{512} << 10;
constexpr std::string_view kStream = "stream";
constexpr std::string_view kHash = "hash";

}  // namespace

RedisFeed::RedisFeed(std::unique_ptr<RedisConnection> connection, const StreamParts& parts,
                     const StreamOptions& options, std::uint32_t partition, std::string token,
                     bool& had_group)
    : connection_(std::move(connection)),
      parts_(parts),
      options_(options),
      number_(partition),
      keys_(stream_keys(options.names, partition)),
      token_(std::move(token)),
      had_group_(had_group),
      stats_(parts.cluster.stats.partitions[partition]),
      decoder_(parts.cluster.schema, parts.cluster.ingest, parts.cluster.pool, options.instance,
               partition, parts.cluster.tracer),
      rollups_(parts.cluster.schema.fields()),
      committer_(keys_,
                 {.group = options.names.group,
                  .maxlen = options.stream_maxlen,
                  .aggregate_windows = options.aggregate_windows,
                  .aggregate_selection = options.aggregate_selection},
                 parts.cluster.schema.fields()),
      types_{{keys_.dead, kStream},
             {keys_.aggregates, kStream},
             {keys_.rollups, kStream},
             {keys_.checkpoint, kHash}},
      count_(options.batch) {}

RedisFeed::~RedisFeed() = default;

void RedisFeed::stage(const PartitionCommit& commit) {
  CHECK(!is_staged_, "a commit is sent before the next one is put together");
  CHECK(commit.entries <= in_hand_.size(), "only entries that were given are acknowledged");
  const std::span<const EntryId> acks(in_hand_.data(), commit.entries);
  for (const EntryId& id : acks) newest_ = std::max(newest_, id);
  committer_.queue(staged_, commit, acks, newest_);
  staged_entries_ = commit.entries;
  is_staged_ = true;
}

void RedisFeed::ask(std::chrono::milliseconds wait) {
  CHECK(!is_asked_, "one answer is waited for at a time");
  if (!unusable_.empty()) return;
  is_asked_ = true;
  if (steady() >= watch_at_) queue_watch_of_group();
  if (!expected_.empty() || !is_drained_ || is_staged_ || wants_claim_ || wait.count() == 0) {
    queue_transaction({.commits = is_staged_, .claims = wants_claim_, .reads = true});
  } else {
    queue_wait_for_news(wait);
  }
  std::ignore = connection_->flush(redis_deadline_in(kFlushSlice));
}

FeedStatus RedisFeed::read(FeedTurn& turn, Deadline deadline) {
  if (!is_asked_ && !unusable_.empty()) return lost(unusable_);
  CHECK(is_asked_, "only what was asked for is answered");
  while (true) {
    const auto reply = connection_->receive(deadline);
    if (!reply) {
      return reply.error().is_lost() ? lost(reply.error().message) : FeedStatus::kIdle;
    }
    CHECK(!expected_.empty(), "every reply is to a command of ours");
    const Expected expected = expected_.front();
    expected_.pop_front();
    if (const auto done = on_reply(expected, *reply); done != FeedStatus::kWorked) return done;
    const bool has_types = !expected_.empty() && expected_.front() == Expected::kType;
    if (!answer_ || has_types) continue;
    turn = *std::exchange(answer_, std::nullopt);
    is_asked_ = false;
    turn.is_last = !unusable_.empty();
    if (turn.is_last) error_ = unusable_;
    return FeedStatus::kWorked;
  }
}

FeedStatus RedisFeed::commit(Deadline deadline) {
  CHECK(is_staged_ && !is_asked_, "a commit by itself is staged, and has no answer before it");
  if (!unusable_.empty()) return lost(unusable_);
  queue_transaction({.commits = true});
  return drain(deadline);
}

void RedisFeed::queue_transaction(Turn turn) {
  turn_ = turn;
  CommandBuffer& commands = connection_->commands();
  const std::size_t before = commands.size();
  commands.command({"MULTI"});
  if (turn.commits) {
    delivered_ -= std::min(delivered_, staged_entries_);
    in_hand_.erase(in_hand_.begin(),
                   in_hand_.begin() + static_cast<std::ptrdiff_t>(staged_entries_));
    is_staged_ = false;
    commands.append(staged_);
    staged_.clear();
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

void RedisFeed::queue_exec(std::size_t queued) {
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

void RedisFeed::queue_types() {
  for (const auto& [key, type] : types_) connection_->commands().command({"TYPE", key});
  expected_.insert(expected_.end(), types_.size(), Expected::kType);
}

void RedisFeed::queue_watch_of_group() {
  watch_at_ = steady() + kWatchNs;
  delivered_then_ = delivered_;
  connection_->commands().command({"XPENDING", keys_.telemetry, options_.names.group});
  expected_.push_back(Expected::kSummary);
  connection_->commands().command({"XINFO", "GROUPS", keys_.telemetry});
  expected_.push_back(Expected::kGroups);
}

void RedisFeed::queue_wait_for_news(std::chrono::milliseconds wait) {
  connection_->commands().command({"XREAD", "COUNT", "1", "BLOCK", std::to_string(wait.count()),
                                   "STREAMS", keys_.telemetry, last_read_.text()});
  expected_.push_back(Expected::kNews);
  queue_types();
}

FeedStatus RedisFeed::on_reply(Expected expected, ReplyView reply) {
  switch (expected) {
    case Expected::kQueued:
      if (reply.is_error()) failed(reply);  // EXEC will say that nothing was done
      return FeedStatus::kWorked;
    case Expected::kExec:
      return on_exec(reply);
    case Expected::kType:
      if (!reply.is_error()) on_type(reply.text());
      return FeedStatus::kWorked;
    case Expected::kFence:
      return reply.text() == token_ ? on_turn() : FeedStatus::kFenced;
    case Expected::kSummary:
      return on_summary(reply);
    case Expected::kGroups:
      on_groups(reply);
      return FeedStatus::kWorked;
    case Expected::kNews:
      if (reply.is_error()) return failed(reply);
      is_drained_ = reply.is_nil();
      if (!is_drained_) news_ = EntryId::parse(reply[0][1][0][0].text()).value_or(news_);
      answer_ = FeedTurn{.is_drained = is_drained_};
      return FeedStatus::kWorked;
    case Expected::kWatch:
    case Expected::kTrimmed:
      return FeedStatus::kWorked;
  }
  return FeedStatus::kWorked;
}

FeedStatus RedisFeed::on_exec(ReplyView exec) {
  if (exec.is_nil()) return FeedStatus::kFenced;
  if (!exec.is_array()) {
    parts_.cluster.stats.commits_refused.add();
    return lost(fmt::format("a commit was refused: {}",
                            error_.empty() ? std::string(exec.text()) : error_));
  }
  CHECK(pages_.empty(), "entries of the answer before are taken before its memory is used again");
  // It is looked at when the fence, which follows it, has been seen.
  connection_->swap_reply(exec_);
  return FeedStatus::kWorked;
}

void RedisFeed::on_type(std::string_view type) {
  const KeyType& should = types_[next_type_];
  next_type_ = (next_type_ + 1) % types_.size();
  if (type == should.type || type == "none") return;
  unusable_ = fmt::format("{} is a {}, no {}: nothing is read until it is moved away", should.key,
                          type, should.type);
}

FeedStatus RedisFeed::on_turn() {
  const ReplyView replies = exec_.view();
  const Turn turn = std::exchange(turn_, {});
  std::size_t end = replies.size();
  if (end < std::size_t{turn.reads} + std::size_t{turn.claims}) {
    return lost("a transaction was answered in part only");
  }
  const ReplyView read = turn.reads ? replies[--end] : ReplyView();
  const ReplyView claimed = turn.claims ? replies[--end] : ReplyView();
  for (std::size_t i = 0; i < end; ++i) {
    if (!replies[i].is_error()) continue;
    parts_.cluster.stats.commits_refused.add();
    return lost(
        fmt::format("a commit was done in part only: {}; is one of {}, {}, {} of another "
                    "type?",
                    replies[i].text(), keys_.aggregates, keys_.rollups, keys_.checkpoint));
  }
  answer_ = FeedTurn{.has_committed = turn.commits};
  FeedStatus done = turn.claims ? on_claimed(claimed) : FeedStatus::kWorked;
  if (done == FeedStatus::kWorked && turn.reads) done = on_read(read);
  if (done != FeedStatus::kLost || !turn.commits) return done;
  // The commit is permanent, whatever became of the rest of its transaction: that has to be told.
  unusable_ = error_;
  return FeedStatus::kWorked;
}

FeedStatus RedisFeed::on_read(ReplyView reply) {
  if (reply.is_error()) return failed(reply);
  const ReplyView entries = reply[0][1];
  const std::size_t taken = entries.size();
  answer_->is_full = taken >= count_;
  answer_->is_drained = is_drained_ = !answer_->is_full;
  delivered_ += taken;
  parts_.cluster.stats.entries.add(taken);
  if (taken > 0) {
    parts_.cluster.stats.batch.set(static_cast<std::int64_t>(taken));
    last_read_ = EntryId::parse(entries[taken - 1][0].text()).value_or(last_read_);
    pages_.push_back({.entries = entries});
  }
  // What was news has been given to another consumer: it is waited for what comes behind it.
  if (taken == 0) last_read_ = std::max(last_read_, news_);
  adapt_count(taken, answer_->is_full);
  return FeedStatus::kWorked;
}

void RedisFeed::adapt_count(std::size_t taken, bool is_full) {
  if (is_full) {
    const std::size_t fitting = std::max<std::size_t>(1, taken * kAnswerBytes / exec_.bytes());
    count_ = static_cast<std::uint32_t>(
        std::min({std::size_t{count_} * 2, std::size_t{options_.max_batch}, fitting}));
    return;
  }
  if (taken < count_ / 4) count_ /= 2;
  count_ = std::max(count_, options_.batch);
}

FeedStatus RedisFeed::on_summary(ReplyView reply) {
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
  return FeedStatus::kWorked;
}

void RedisFeed::on_groups(ReplyView reply) {
  for (std::size_t i = 0; i < reply.size(); ++i) {
    const ReplyView group = reply[i];
    if (group.member("name").text() != options_.names.group) continue;
    const ReplyView lag = group.member("lag");
    // The server's count stays too high after it has read its AOF: it is not asked where we know.
    stats_.lag.set(is_drained_ ? 0 : lag.is_nil() ? -1 : lag.integer());
    const auto needed = static_cast<std::uint64_t>(group.member("pending").integer() +
                                                   std::max<std::int64_t>(lag.integer(), 0));
    if (!options_.is_log || lag.is_nil() || needed >= options_.stream_maxlen || is_draining_) {
      return;
    }
    connection_->commands().command(
        {"XTRIM", keys_.telemetry, "MAXLEN", "~", std::to_string(options_.stream_maxlen)});
    expected_.push_back(Expected::kTrimmed);
    return;
  }
}

FeedStatus RedisFeed::on_claimed(ReplyView reply) {
  if (reply.is_error()) return failed(reply);
  claim_cursor_ = reply[0].text();
  parts_.cluster.stats.entries_deleted.add(reply[2].size());
  const ReplyView entries = reply[1];
  if (entries.size() == 0) return FeedStatus::kWorked;
  parts_.cluster.stats.entries_again.add(entries.size());
  Page page{.entries = entries,
            .again = true,
            .is_claimed = true,
            .in_hand = std::set<EntryId>(in_hand_.begin(), in_hand_.end())};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto id = EntryId::parse(entries[i][0].text());
    if (id && !page.in_hand.contains(*id)) ++delivered_;
  }
  pages_.push_back(std::move(page));
  return FeedStatus::kWorked;
}

bool RedisFeed::next(EntryBatch& batch, const BatchRules& rules) {
  auto& batches = decoder_.batches();
  while (batches.empty()) {
    if (pages_.empty()) return false;
    if (pages_.front().at == pages_.front().entries.size()) {
      decoder_.cut();
      pages_.pop_front();
    } else {
      take_entry(pages_.front(), rules);
    }
  }
  batch = std::move(batches.front());
  batches.pop_front();
  return true;
}

void RedisFeed::take_entry(Page& page, const BatchRules& rules) {
  const ReplyView entry = page.entries[page.at];
  const auto id = EntryId::parse(entry[0].text());
  if (!id) {
    unusable_ = fmt::format("{} has an entry without an id", keys_.telemetry);
    decoder_.cut();
    pages_.clear();
    return;
  }
  if (page.in_hand.contains(*id)) {
    ++page.at;
    return;
  }
  const auto is_behind = [&](EntryId at) { return at.position() > *rules.boundary; };
  if (rules.boundary && decoder_.is_open() && is_behind(*id) != is_behind(decoder_.last())) {
    decoder_.cut();
    return;
  }
  ++page.at;
  in_hand_.push_back(*id);
  const ReplyView fields = entry[1];
  const auto culprit = rules.culprits->find(id->position());
  if (fields.is_nil()) {
    parts_.cluster.stats.entries_deleted.add();
    decoder_.pass(*id);
  } else if (culprit != rules.culprits->end()) {
    decoder_.bury(*id, fields, "worker_failed", culprit->second);
  } else {
    const ArrivalTime arrival = now();
    const auto now_ms = static_cast<std::uint64_t>(arrival.ns / kNsPerMs);
    const bool is_time = id->ms >= kYear2000Ms && id->ms <= now_ms;
    const EventTime written{is_time ? static_cast<std::int64_t>(id->ms) * kNsPerMs : arrival.ns};
    decoder_.set_counting(!page.again || page.is_claimed);
    decoder_.decode(*id, fields, arrival, written);
  }
  if (rules.one_by_one) decoder_.cut();
}

FeedStatus RedisFeed::drain(Deadline deadline) {
  is_draining_ = true;
  FeedStatus done = FeedStatus::kWorked;
  while (!expected_.empty() && done == FeedStatus::kWorked) {
    const auto reply = connection_->receive(deadline);
    if (!reply && reply.error().is_timeout() && std::chrono::steady_clock::now() < deadline) {
      continue;
    }
    if (!reply) return lost(reply.error().message);
    const Expected expected = expected_.front();
    expected_.pop_front();
    done = on_reply(expected, *reply);
  }
  answer_.reset();
  is_draining_ = false;
  return done;
}

FeedStatus RedisFeed::lost(std::string why) {
  error_ = std::move(why);
  return FeedStatus::kLost;
}

FeedStatus RedisFeed::failed(ReplyView error) {
  if (is_redirect(error)) parts_.servers.learn(error, *connection_);
  return lost(std::string(error.text()));
}

std::expected<ReplyView, RedisFailure> RedisFeed::call(
    std::initializer_list<std::string_view> arguments) {
  CHECK(expected_.empty(), "a call is made with nothing else outstanding");
  return connection_->call(arguments, redis_deadline_in(kCallLimit));
}

}  // namespace slipstream
