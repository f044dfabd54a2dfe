#include "redis_streams/aggregate_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "redis_streams/stream_names.h"

namespace slipstream {
namespace {

constexpr std::size_t kBytesAtOnce = std::size_t{1} << 20;
constexpr std::chrono::milliseconds kAnswerLimit{1'000};

// KEYS: stream, hash of the newest row that each writer has sent to it. ARGV: writer, row, the row
// that must have been sent before it, length of the stream, rollups. A row that follows one that
// was refused must not go past it: it would never be written then.
constexpr std::string_view kSend = R"(
local newest = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')
if newest >= tonumber(ARGV[2]) then return 0 end
if newest < tonumber(ARGV[3]) then return redis.error_reply('ERR the row before it is missing') end
for i = 5, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'payload', ARGV[i])
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 1)";

}  // namespace

AggregateSink::AggregateSink(RedisServers& servers, RollupOutbox& outbox, Options options,
                             const Clock& clock, Warn warn)
    : servers_(servers),
      outbox_(outbox),
      maxlen_(std::to_string(options.maxlen)),
      clock_(clock),
      warn_(std::move(warn)) {}

std::size_t AggregateSink::poll(std::size_t) {
  std::size_t done = 0;
  for (const auto& name : outbox_.shards()) {
    Stream& stream = streams_[name];
    if (!stream.retry.is_due(clock_.steady(), servers_.returns())) continue;
    done += send(name, stream);
    // A failure may have taken long; whether to end comes first.
    if (stream.is_failing) break;
  }
  return done;
}

void AggregateSink::wake() {
  SignalledAgent::wake();
  const std::lock_guard lock(mutex_);
  if (waiting_on_ == nullptr) return;
  waiting_on_->interrupt();
  was_woken_ = true;
}

void AggregateSink::set_waiting_on(RedisConnection* connection) {
  const std::lock_guard lock(mutex_);
  waiting_on_ = connection;
  if (connection != nullptr) was_woken_ = false;
}

std::size_t AggregateSink::send(const std::string& name, Stream& stream) {
  const auto rows = outbox_.read(name, kBytesAtOnce);
  const SteadyTime began = clock_.steady();
  auto written = rows ? write(name, *rows) : std::unexpected(rows.error());
  if (written) {
    if (std::exchange(stream.is_failing, false)) {
      stats_.failing.add(-1);
      warn_(fmt::format("{} can be written again", name));
    }
    stream.retry.succeeded();
    stats_.send.observe_ns(clock_.steady() - began);
    return *written;
  }
  {
    // Redis has not failed, and does what it was sent: asked again, it says so.
    const std::lock_guard lock(mutex_);
    if (std::exchange(was_woken_, false)) return 0;
  }
  stats_.failures.add();
  stream.retry.failed(clock_.steady(), servers_.returns());
  if (!std::exchange(stream.is_failing, true)) {
    stats_.failing.add(1);
    warn_(fmt::format("{} cannot be written, rollups wait: {}", name, written.error().message));
  }
  const std::lock_guard lock(mutex_);
  last_error_ = std::move(written.error().message);
  return 0;
}

Result<std::size_t> AggregateSink::write(const std::string& name,
                                         const std::vector<OutboxRow>& rows) {
  if (rows.empty()) return 0;
  auto lease = servers_.borrow(name);
  if (!lease) return std::unexpected(lease.error());
  RedisConnection& redis = **lease;
  const std::string sent = sent_key(name);
  std::uint64_t previous = 0;
  for (const auto& row : rows) {
    queue(redis.commands(), name, sent, row, previous);
    previous = row.id;
  }
  const auto limit = redis_deadline_in(kAnswerLimit);
  set_waiting_on(&redis);
  std::size_t done = 0;
  std::optional<Error> failed;
  while (done < rows.size() && !failed) {
    const auto reply = redis.receive(limit);
    if (!reply) {
      failed = Error{reply.error().message};
    } else if (reply->is_error()) {
      if (is_redirect(*reply)) servers_.learn(*reply, redis);
      failed = Error{std::string(reply->text())};
    } else {
      (reply->integer() > 0 ? stats_.sent : stats_.repeated).add(rows[done++].count);
    }
  }
  set_waiting_on(nullptr);
  // What is not removed now is found noted in Redis when it is sent again.
  if (done > 0) {
    if (auto removed = outbox_.remove(name, rows[done - 1].id); !removed && !failed) {
      failed = std::move(removed.error());
    }
  }
  if (failed) return std::unexpected(std::move(*failed));
  return done;
}

void AggregateSink::queue(CommandBuffer& commands, const std::string& name, const std::string& sent,
                          const OutboxRow& row, std::uint64_t previous) {
  const auto rollups = static_cast<std::size_t>(std::ranges::count(row.rollups, '\n'));
  commands.begin(9 + rollups);
  for (const std::string_view part :
       {std::string_view("EVAL"), kSend, std::string_view("2"), std::string_view(name),
        std::string_view(sent), std::string_view(outbox_.writer())}) {
    commands.arg(part);
  }
  commands.arg(row.id);
  commands.arg(previous);
  commands.arg(maxlen_);
  std::string_view rest = row.rollups;
  for (std::size_t i = 0; i < rollups; ++i) {
    const std::size_t end = rest.find('\n');
    commands.arg(rest.substr(0, end));
    note_own(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
}

void AggregateSink::note_own(std::string_view rollup) {
  constexpr std::string_view kMember = R"("window_id":")";
  OwnRollups::Id id{};
  const auto at = rollup.rfind(kMember);
  if (at == std::string_view::npos || at + kMember.size() + 2 * id.size() > rollup.size()) return;
  const char* digits = rollup.data() + at + kMember.size();
  for (auto& byte : id) {
    if (std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) return;
    digits += 2;
  }
  own_rollups_.add(id);
}

bool AggregateSink::flush(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < deadline && poll(1) > 0) {
  }
  return outbox_.shards().empty();
}

std::string AggregateSink::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

}  // namespace slipstream
