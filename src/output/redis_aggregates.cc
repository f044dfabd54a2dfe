#include "output/redis_aggregates.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace slipstream {
namespace {

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

/// Hash beside a stream: the newest row that each writer's outbox has sent to it.
std::string key_of_sent(const std::string& stream) {
  // A name without a tag of its own becomes the tag, so that both are in one hash slot.
  const bool has_tag = stream.find('{') != std::string::npos;
  return has_tag ? stream + ".sent" : "{" + stream + "}.sent";
}

}  // namespace

RedisAggregates::RedisAggregates(RedisServers& servers, RollupDestination destination,
                                 std::uint64_t maxlen, OwnRollups& own)
    : servers_(servers),
      destination_(std::move(destination)),
      maxlen_(std::to_string(maxlen)),
      own_(own) {}

void RedisAggregates::interrupt() {
  const std::lock_guard lock(mutex_);
  if (waiting_on_ == nullptr) return;
  waiting_on_->interrupt();
  was_interrupted_ = true;
}

void RedisAggregates::set_waiting_on(RedisConnection* connection) {
  const std::lock_guard lock(mutex_);
  waiting_on_ = connection;
  if (connection != nullptr) was_interrupted_ = false;
}

Sent RedisAggregates::send(const Shipment& shipment) {
  Sent sent;
  auto lease = servers_.borrow(shipment.shard);
  if (!lease) {
    sent.failed = std::move(lease.error());
    return sent;
  }
  RedisConnection& redis = **lease;
  const std::string sent_key = key_of_sent(shipment.shard);
  std::uint64_t previous = 0;
  for (const auto& row : shipment.rows) {
    queue(redis.commands(), shipment, sent_key, row, previous);
    previous = row.id;
  }
  const auto limit = redis_deadline_in(kAnswerLimit);
  set_waiting_on(&redis);
  while (sent.rows < shipment.rows.size() && !sent.failed) {
    const auto reply = redis.receive(limit);
    if (!reply) {
      sent.failed = Error{reply.error().message};
    } else if (reply->is_error()) {
      if (is_redirect(*reply)) servers_.learn(*reply, redis);
      sent.failed = Error{std::string(reply->text())};
    } else {
      if (reply->integer() == 0) sent.repeated += shipment.rows[sent.rows].count;
      ++sent.rows;
    }
  }
  set_waiting_on(nullptr);
  const std::lock_guard lock(mutex_);
  sent.was_interrupted = sent.failed && std::exchange(was_interrupted_, false);
  return sent;
}

void RedisAggregates::queue(CommandBuffer& commands, const Shipment& shipment,
                            const std::string& sent_key, const OutboxRow& row,
                            std::uint64_t previous) {
  const auto rollups = static_cast<std::size_t>(std::ranges::count(row.rollups, '\n'));
  commands.begin(9 + rollups);
  for (const std::string_view part :
       {std::string_view("EVAL"), kSend, std::string_view("2"), std::string_view(shipment.shard),
        std::string_view(sent_key), std::string_view(shipment.writer)}) {
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

void RedisAggregates::note_own(std::string_view rollup) {
  constexpr std::string_view kMember = R"("window_id":")";
  OwnRollups::Id id{};
  const auto at = rollup.rfind(kMember);
  if (at == std::string_view::npos || at + kMember.size() + 2 * id.size() > rollup.size()) return;
  const char* digits = rollup.data() + at + kMember.size();
  for (auto& byte : id) {
    if (std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) return;
    digits += 2;
  }
  own_.add(id);
}

}  // namespace slipstream
