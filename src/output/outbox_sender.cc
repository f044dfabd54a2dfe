#include "output/outbox_sender.h"

#include <fmt/format.h>

#include <numeric>
#include <utility>

#include "base/check.h"

namespace slipstream {
namespace {

std::uint64_t rollups_in(std::span<const OutboxRow> rows) {
  return std::accumulate(rows.begin(), rows.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const OutboxRow& row) { return sum + row.count; });
}

}  // namespace

OutboxSender::OutboxSender(RollupOutbox& outbox, std::unique_ptr<RollupSender> sender,
                           const Clock& clock, Warn warn)
    : outbox_(outbox), sender_(std::move(sender)), clock_(clock), warn_(std::move(warn)) {}

std::size_t OutboxSender::poll(std::size_t) {
  std::size_t done = 0;
  for (const auto& name : outbox_.shards()) {
    Shard& shard = shards_.try_emplace(name, sender_->backoff()).first->second;
    if (!shard.retry.is_due(clock_.steady(), sender_->returns())) continue;
    done += send(name, shard);
    // A failure may have taken long; whether to end comes first.
    if (shard.is_failing) break;
  }
  return done;
}

void OutboxSender::wake() {
  SignalledAgent::wake();
  sender_->interrupt();
}

std::size_t OutboxSender::send(const std::string& name, Shard& shard) {
  Sent sent = ship(name);
  if (!sent.failed) {
    succeeded(name, shard);
    return sent.rows;
  }
  // Where it was only interrupted nothing has failed, and what was sent may have been taken: asked
  // again, the destination says so.
  if (!sent.was_interrupted) failed(name, shard, std::move(sent.failed->message));
  return 0;
}

Sent OutboxSender::ship(const std::string& name) {
  const auto rows = outbox_.read(name, sender_->bytes_at_once());
  if (!rows) return {.failed = rows.error()};
  if (rows->empty()) return {};
  const SteadyTime began = clock_.steady();
  Sent sent = sender_->send({.writer = outbox_.writer(), .shard = name, .rows = std::span(*rows)});
  CHECK(sent.rows <= rows->size() && (sent.failed || sent.rows == rows->size()),
        "what is removed as sent was sent, and what was not is told");
  const std::uint64_t rollups = rollups_in(std::span(*rows).first(sent.rows));
  CHECK(sent.repeated + sent.expired <= rollups, "what was dropped is a part of what is gone");
  stats_.sent.add(rollups - sent.repeated - sent.expired);
  stats_.expired.add(sent.expired);
  stats_.repeated.add(sent.repeated);
  if (!sent.failed) stats_.send.observe_ns(clock_.steady() - began);
  if (sent.rows == 0) return sent;
  // What is not removed now is sent again.
  auto removed = outbox_.remove(name, (*rows)[sent.rows - 1].id);
  if (!removed && !sent.failed) sent.failed = std::move(removed.error());
  return sent;
}

void OutboxSender::succeeded(const std::string& name, Shard& shard) {
  shard.retry.succeeded();
  if (!std::exchange(shard.is_failing, false)) return;
  stats_.failing.add(-1);
  warn_(fmt::format("{} can be written again", called(name)));
}

/// A shard of alerts is called as the alert, which says nothing of who gets it.
std::string OutboxSender::called(const std::string& shard) const {
  if (sender_->destination().alerts)
    return fmt::format("webhook {} of alert \"{}\"", name(), shard);
  return shard.empty() ? name() : shard;
}

void OutboxSender::failed(const std::string& name, Shard& shard, std::string why) {
  stats_.failures.add();
  shard.retry.failed(clock_.steady(), sender_->returns());
  if (!std::exchange(shard.is_failing, true)) {
    stats_.failing.add(1);
    warn_(fmt::format("{} cannot be written, {} wait: {}", called(name),
                      sender_->destination().alerts ? "alerts" : "rollups", why));
  }
  const std::lock_guard lock(mutex_);
  last_error_ = std::move(why);
}

bool OutboxSender::flush(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < deadline && poll(1) > 0) {
  }
  return outbox_.shards().empty();
}

std::string OutboxSender::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

}  // namespace slipstream
