#include "redis_streams/stream_appender.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipstream {
namespace {

constexpr std::size_t kSentEntries = 64;  ///< without an answer, a stream
constexpr std::chrono::milliseconds kReplySlice{20};
constexpr std::chrono::milliseconds kQuestionLimit{1'000};
constexpr std::size_t kMaxReplicated = 100'000;
constexpr std::int64_t kProducerNs = 86'400 * kNsPerSecond;
constexpr std::string_view kWaitMs = "100";          ///< what is sent behind a WAIT waits too
constexpr std::int64_t kWaitPauseNs = kNsPerSecond;  ///< between WAITs that nobody waits for

// KEYS: stream, our newest number there [, the body's key]. ARGV: instance, number, points, the
// number that must be there before it, the points' traceparent or nothing: an entry must not go
// past one that was refused, which would never be written then. A number that is there already is
// written down again, so that a WAIT behind it covers the entry, over whichever connection that
// came.
constexpr std::string_view kAppend = R"(
local newest = tonumber(redis.call('GET', KEYS[2]) or '0')
if newest >= tonumber(ARGV[2]) then
  redis.call('SET', KEYS[2], newest, 'PX', 86400000)
  return 0
end
if newest < tonumber(ARGV[4]) then return redis.error_reply('ERR the entry before it is missing') end
if KEYS[3] and not redis.call('SET', KEYS[3], ARGV[1], 'NX', 'PX', 600000) then
  redis.call('SET', KEYS[2], ARGV[2], 'PX', 86400000)
  return 0
end
if ARGV[5] == '' then
  redis.call('XADD', KEYS[1], '*', 'points', ARGV[3], 'from', ARGV[1])
else
  redis.call('XADD', KEYS[1], '*', 'points', ARGV[3], 'from', ARGV[1], 'traceparent', ARGV[5])
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', 86400000)
return 1)";

// KEYS: our newest number. ARGV: the number that must be there. WAIT is about what its own
// connection has written, so that must be something; and a replica refuses to say what it has.
constexpr std::string_view kTouch = R"(
local newest = tonumber(redis.call('GET', KEYS[1]) or '0')
if newest < tonumber(ARGV[1]) then return redis.error_reply('ERR entries that were there are gone') end
redis.call('PEXPIRE', KEYS[1], 86400000)
return newest)";

}  // namespace

StreamAppender::StreamAppender(RedisServers& servers, StreamAppenderOptions options,
                               PointSink& live, BatchPool& pool, IngestStats& ingest,
                               const Clock& clock, Warn warn)
    : servers_(servers),
      options_(std::move(options)),
      live_(live),
      pool_(pool),
      ingest_(ingest),
      clock_(clock),
      warn_(std::move(warn)),
      streams_(options_.names.partitions) {
  for (std::uint32_t s = 0; s < streams_.size(); ++s) {
    streams_[s].keys = stream_keys(options_.names, s);
    streams_[s].producer = streams_[s].keys.telemetry + ".producer." + options_.instance;
    streams_[s].open.number = 1;
  }
}

StreamAppender::~StreamAppender() = default;

bool StreamAppender::is_doubtful_locked(const Ticket& ticket) const {
  return ticket.durability != Durability::kReplicated && ticket.body <= doubtful_to_;
}

bool StreamAppender::is_durable_locked(const Ticket& ticket, Durability durability) const {
  if (durability == Durability::kReplicated && is_doubtful_locked(ticket)) return false;
  return std::ranges::all_of(ticket.entries, [&](const auto& entry) {
    const Stream& stream = streams_[entry.first];
    return (durability == Durability::kReplicated ? stream.replicated : stream.accepted) >=
           entry.second;
  });
}

std::size_t StreamAppender::poll(std::size_t) {
  bool has_worked = false;
  for (auto& stream : streams_) has_worked |= send(stream);
  for (auto& stream : streams_) {
    if (stream.connection && stream.connection->outstanding() > 0) has_worked |= receive(stream);
  }
  settle();
  return has_worked ? 1 : 0;
}

void StreamAppender::idle() {
  signal_.wait_for(std::chrono::milliseconds(options_.flush_interval_ms));
}

bool StreamAppender::connect(Stream& stream) {
  if (!stream.retry.is_due(clock_.steady(), servers_.returns())) return false;
  auto connection = servers_.connect(stream.keys.telemetry, "log");
  if (!connection) {
    lose(stream, connection.error().message);
    settle();  // that may have taken long
    return false;
  }
  stream.connection = std::move(*connection);
  return compare_newest(stream);
}

bool StreamAppender::compare_newest(Stream& stream) {
  const auto reply = stream.connection->call({"EVAL", kTouch, "1", stream.producer, "0"},
                                             redis_deadline_in(kQuestionLimit));
  if (!reply || reply->is_error()) {
    if (reply && is_redirect(*reply)) servers_.learn(*reply, *stream.connection);
    lose(stream, reply ? std::string(reply->text()) : reply.error().message);
    settle();
    return false;
  }
  stream.has = static_cast<std::uint64_t>(reply->integer());
  const std::lock_guard lock(mutex_);
  send_again_locked(stream);
  const bool is_forgotten = clock_.steady() - stream.accepted_at > kProducerNs / 2;
  if (stream.has < stream.accepted && !is_forgotten) find_lost_locked(stream);
  return true;
}

/// What replicas may not have, and what was sent and not answered, in its order, before the rest.
void StreamAppender::send_again_locked(Stream& stream) {
  stats_.retries.add(stream.kept.size() + stream.sent.size());
  for (auto* const again : {&stream.sent, &stream.kept}) {
    while (!again->empty()) {
      stream.waiting.push_front(std::move(again->back()));
      again->pop_back();
    }
  }
}

void StreamAppender::find_lost_locked(Stream& stream) {
  const std::uint64_t from = std::max(stream.has, stream.told_lost);
  const auto again = std::ranges::count_if(stream.waiting, [&](const Entry& entry) {
    return from < entry.number && entry.number <= stream.accepted;
  });
  stream.told_lost = std::max(from, stream.accepted);
  const std::uint64_t lost = stream.told_lost - from - static_cast<std::uint64_t>(again);
  if (lost == 0) return;
  stats_.lost.add(lost);
  doubtful_to_ = next_ticket_;
  // Not kept any more, since replicas had them: not those that are left.
  const auto number = static_cast<std::uint32_t>(&stream - streams_.data());
  for (auto& [body, ticket] : tickets_) {
    const bool is_hit = std::ranges::any_of(ticket.entries, [&](const auto& entry) {
      return entry.first == number && stream.has < entry.second &&
             entry.second <= stream.replicated;
    });
    if (is_hit) ticket.durability = Durability::kLogged;
  }
  warn_(
      fmt::format("{}: {} entries that Redis had taken are gone: it has lost its end, or a "
                  "replica that did not have them is the master",
                  stream.keys.telemetry, lost));
}

bool StreamAppender::wants_replicas_locked(const Stream& stream) const {
  if (stream.waits_for_replicas || stream.replicated + 1 >= stream.open.number) return false;
  const bool is_time = clock_.steady() - stream.waited_at > kWaitPauseNs;
  return wants_replicas_ || (is_time && !stream.kept.empty());
}

bool StreamAppender::send(Stream& stream) {
  bool wants_replicas = false;
  {
    const std::lock_guard lock(mutex_);
    if (stream.sent.size() < kSentEntries) close_entry_locked(stream, {});
    wants_replicas = wants_replicas_locked(stream);
    if (stream.waiting.empty() && stream.sent.empty() && !wants_replicas) return false;
  }
  if (!stream.connection && !connect(stream)) return false;
  std::deque<Entry> to_send;
  {
    const std::lock_guard lock(mutex_);
    while (!stream.waiting.empty() && stream.sent.size() + to_send.size() < kSentEntries) {
      to_send.push_back(std::move(stream.waiting.front()));
      stream.waiting.pop_front();
    }
  }
  if (to_send.empty() && !wants_replicas) return false;
  for (auto& entry : to_send) queue_entry(stream, std::move(entry));
  if (wants_replicas) queue_wait(stream);
  const auto flushed = stream.connection->flush(redis_deadline_in(kReplySlice));
  if (!flushed && flushed.error().is_lost()) lose(stream, flushed.error().message);
  return true;
}

void StreamAppender::queue_entry(Stream& stream, Entry entry) {
  const std::string number = std::to_string(entry.number);
  const std::string previous = std::to_string(stream.newest_sent());
  CommandBuffer& commands = stream.connection->commands();
  if (entry.key.empty()) {
    commands.command({"EVAL", kAppend, "2", stream.keys.telemetry, stream.producer,
                      options_.instance, number, entry.points, previous, entry.traceparent});
  } else {
    const std::string key = stream.keys.telemetry + ".key." + entry.key;
    commands.command({"EVAL", kAppend, "3", stream.keys.telemetry, stream.producer, key,
                      options_.instance, number, entry.points, previous, entry.traceparent});
  }
  entry.sent_at = clock_.steady();
  stream.sent.push_back(std::move(entry));
  stream.expected.push_back(Expected::kEntry);
}

void StreamAppender::queue_wait(Stream& stream) {
  CommandBuffer& commands = stream.connection->commands();
  commands.command({"EVAL", kTouch, "1", stream.producer, std::to_string(stream.newest_sent())});
  stream.expected.push_back(Expected::kTouch);
  commands.command({"WAIT", std::to_string(options_.wait_replicas), kWaitMs});
  stream.expected.push_back(Expected::kWait);
  stream.waits_for_replicas = true;
  stream.waited_at = clock_.steady();
  stream.wait_covers = stream.sent.empty() ? stream.accepted : stream.sent.back().number;
}

bool StreamAppender::receive(Stream& stream) {
  bool has_worked = false;
  while (stream.connection && stream.connection->outstanding() > 0) {
    const auto reply = stream.connection->receive(redis_deadline_in(kReplySlice));
    if (!reply) {
      const SteadyTime since = clock_.steady() + -options_.answer_limit_ms * kNsPerMs;
      const bool is_silent = (!stream.sent.empty() && stream.sent.front().sent_at < since) ||
                             (stream.waits_for_replicas && stream.waited_at < since);
      if (reply.error().is_lost()) {
        lose(stream, reply.error().message);
      } else if (is_silent) {
        lose(stream, "no answer");
      }
      return has_worked;
    }
    has_worked = true;
    // One that knows no WAIT has no replicas.
    const bool is_refused =
        reply->is_error() && (stream.expected.front() != Expected::kWait || is_redirect(*reply));
    if (is_refused) {
      if (is_redirect(*reply)) servers_.learn(*reply, *stream.connection);
      lose(stream, std::string(reply->text()));
      return has_worked;
    }
    take_reply(stream, *reply);
  }
  return has_worked;
}

void StreamAppender::take_reply(Stream& stream, ReplyView reply) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(stream.is_failing, false)) {
    stats_.failing.add(-1);
    warn_(fmt::format("{} can be written again", stream.keys.telemetry));
  }
  stream.retry.succeeded();
  const Expected expected = stream.expected.front();
  stream.expected.pop_front();
  switch (expected) {
    case Expected::kEntry:
      return take_accepted_locked(stream);
    case Expected::kTouch:
      return;
    case Expected::kWait:
      stream.waits_for_replicas = false;
      if (reply.integer() >= static_cast<std::int64_t>(options_.wait_replicas)) {
        take_replicated_locked(stream);
      }
      return;
  }
}

void StreamAppender::take_accepted_locked(Stream& stream) {
  Entry& entry = stream.sent.front();
  const std::size_t bytes = entry.points.size();
  const SteadyTime now = clock_.steady();
  stats_.append.observe_ns(now - entry.sent_at);
  if (const auto parent = parse_traceparent(entry.traceparent)) {
    stats_.append.exemplify(now - entry.sent_at, parent->trace.text(), clock_.now().ns);
  }
  if (entry.is_kept) {
    kept_bytes_ -= bytes;
  } else {
    stats_.backlog_bytes.add(-static_cast<std::int64_t>(bytes));
  }
  stream.has = entry.number;
  if (entry.number > stream.accepted) {
    stats_.entries.add();
    stats_.points.add(entry.count);
    stream.accepted = entry.number;
  }
  stream.accepted_at = now;
  if (stream.replicated < entry.number && entry.number <= stream.wanted) {
    kept_bytes_ += bytes;
    entry.is_kept = true;
    stream.kept.push_back(std::move(entry));
  }
  stream.sent.pop_front();
}

void StreamAppender::take_replicated_locked(Stream& stream) {
  stream.replicated = stream.wait_covers;
  while (!stream.kept.empty() && stream.kept.front().number <= stream.replicated) {
    kept_bytes_ -= stream.kept.front().points.size();
    stream.kept.pop_front();
  }
}

void StreamAppender::lose(Stream& stream, const std::string& why) {
  stream.connection.reset();
  stream.expected.clear();
  stream.waits_for_replicas = false;
  stream.retry.failed(clock_.steady(), servers_.returns());
  const std::lock_guard lock(mutex_);
  if (std::exchange(stream.is_failing, true)) return;
  stats_.failing.add(1);
  warn_(fmt::format("{} cannot be written, points wait: {}", stream.keys.telemetry, why));
}

void StreamAppender::settle() {
  std::vector<std::pair<std::function<void(bool)>, bool>> told;
  {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.steady();
    bool wants_replicas = false;
    for (auto ticket = tickets_.begin(); ticket != tickets_.end();) {
      auto& waiters = ticket->second.waiters;
      std::erase_if(waiters, [&](Waiter& waiter) {
        const bool is_durable = is_durable_locked(ticket->second, waiter.durability);
        const bool is_late = now - waiter.since > options_.answer_limit_ms * kNsPerMs;
        const bool is_hopeless =
            waiter.durability == Durability::kReplicated && is_doubtful_locked(ticket->second);
        if (!is_durable && !is_late && !is_hopeless) return false;
        told.emplace_back(std::move(waiter.done), is_durable);
        return true;
      });
      for (const auto& waiter : waiters) {
        wants_replicas |= waiter.durability == Durability::kReplicated;
      }
      const bool is_done =
          waiters.empty() && is_durable_locked(ticket->second, ticket->second.durability);
      if (is_done && ticket->second.durability == Durability::kReplicated) {
        replicated_.insert(ticket->first);
        if (replicated_.size() > kMaxReplicated) replicated_.erase(replicated_.begin());
      }
      ticket = is_done ? tickets_.erase(ticket) : std::next(ticket);
    }
    wants_replicas_ = wants_replicas;
  }
  for (auto& [done, is_durable] : told) done(is_durable);
}

bool StreamAppender::flush(std::chrono::steady_clock::time_point deadline) {
  while (stats_.backlog_bytes.value() > 0 && std::chrono::steady_clock::now() < deadline) {
    if (poll(1) == 0) idle();
  }
  settle();
  if (stats_.backlog_bytes.value() == 0) return true;
  warn_(fmt::format("{} bytes of points could not be written to Redis: they are lost",
                    stats_.backlog_bytes.value()));
  return false;
}

}  // namespace slipstream
