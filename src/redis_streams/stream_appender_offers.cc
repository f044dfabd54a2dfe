// What comes in: how points and marks get into entries, and who waits for them.
#include <algorithm>

#include "codec/mark_json.h"
#include "redis_streams/stream_appender.h"

namespace slipstream {
namespace {

constexpr std::size_t kEntryBytes = 64 << 10;
constexpr std::size_t kMaxTickets = 10'000;  ///< of bodies that replicas do not have

std::vector<std::string> lines_of(const std::vector<MarkAmong>& marks) {
  std::vector<std::string> lines;
  lines.reserve(marks.size());
  for (const MarkAmong& one : marks) {
    append_mark_json(lines.emplace_back(), *one.mark);
    lines.back() += '\n';
  }
  return lines;
}

}  // namespace

bool StreamAppender::offer(PointBatchPtr& batch) {
  if (static_cast<std::size_t>(stats_.backlog_bytes.value()) >= options_.max_backlog_bytes) {
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    const EntryEnds before = batch->sampled ? ends_locked() : EntryEnds{};
    append_locked(*batch);
    close_full_entries_locked();
    if (batch->sampled) {
      const LogOffset number = ++next_ticket_;
      tickets_[number] = {.body = number,
                          .entries = entries_since_locked(before),
                          .waiters = {log_span_waiter(batch->sampled, Durability::kLogged)}};
    }
  }
  hand_on(std::move(batch));
  return true;
}

std::expected<LogOffset, Refusal> StreamAppender::offer_all(Body& body) {
  const std::vector<std::string> marks = lines_of(body.marks);
  std::size_t mark_bytes = 0;
  for (const auto& line : marks) mark_bytes += line.size() * streams_.size();
  if (mark_bytes > options_.max_backlog_bytes) return std::unexpected(Refusal::kTooManyMarks);
  if (static_cast<std::size_t>(stats_.backlog_bytes.value()) >= options_.max_backlog_bytes) {
    return std::unexpected(Refusal::kFull);
  }
  if (body.durability != Durability::kReceived && stats_.failing.value() != 0) {
    return std::unexpected(Refusal::kLogUnavailable);
  }
  LogOffset ticket_number = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto backlog = static_cast<std::size_t>(stats_.backlog_bytes.value());
    // What one mark takes is many times what came, so that it is looked at before.
    if (mark_bytes > 0 && backlog + mark_bytes > options_.max_backlog_bytes) {
      return std::unexpected(Refusal::kFull);
    }
    const bool is_full =
        kept_bytes_ + backlog >= options_.max_backlog_bytes || tickets_.size() >= kMaxTickets;
    if (is_full && body.durability == Durability::kReplicated) {
      return std::unexpected(Refusal::kFull);
    }
    Ticket ticket;
    // A body with a key has entries of its own, which have the key's name: each stream can tell by
    // itself that it has seen them.
    const bool has_key = body.key != nullptr;
    if (has_key) close_entries_locked({});
    const EntryEnds before = ends_locked();
    auto line = marks.begin();
    for_each_in_order(
        body.batches, body.marks,
        [&](const PointBatchPtr& batch) {
          append_locked(*batch);
          if (!has_key) close_full_entries_locked();
        },
        [&](const MarkPtr&) {
          append_mark_locked(*line++);
          if (!has_key) close_full_entries_locked();
        });
    if (has_key) close_entries_locked(body.key->key);
    ticket.entries = entries_since_locked(before);
    if (body.sampled) {
      ticket.waiters.push_back(
          log_span_waiter(body.sampled, std::max(body.durability, Durability::kLogged)));
    }
    ticket.body = ticket_number = ++next_ticket_;
    if (body.durability == Durability::kReplicated) {
      ticket.durability = Durability::kReplicated;
      for (const auto& [s, number] : ticket.entries) streams_[s].wanted = number;
      wants_replicas_ = true;
    }
    tickets_.emplace(ticket_number, std::move(ticket));
  }
  for_each_in_order(
      body.batches, body.marks, [&](PointBatchPtr& batch) { hand_on(std::move(batch)); },
      [&](const MarkPtr& mark) { hand_on(mark); });
  body.batches.clear();
  body.marks.clear();
  signal_.notify();
  return ticket_number;
}

StreamAppender::EntryEnds StreamAppender::ends_locked() const {
  EntryEnds ends;
  for (const auto& stream : streams_) {
    ends.emplace_back(stream.open.number, stream.open.points.size());
  }
  return ends;
}

/// The newest of each stream that was added to.
StreamAppender::StreamEntries StreamAppender::entries_since_locked(const EntryEnds& before) const {
  StreamEntries entries;
  for (std::uint32_t s = 0; s < streams_.size(); ++s) {
    const Entry& open = streams_[s].open;
    if (std::pair(open.number, open.points.size()) == before[s]) continue;
    entries.emplace_back(s, open.points.empty() ? open.number - 1 : open.number);
  }
  return entries;
}

/// `log` ends when Redis has answered for all entries.
StreamAppender::Waiter StreamAppender::log_span_waiter(SampledTracePtr sampled,
                                                       Durability durability) const {
  const SteadyTime since = clock_.steady();
  return {durability, since, [since, sampled = std::move(sampled)](bool is_durable) {
            sampled->child(kLogSpan, sampled->since(since), {},
                           is_durable ? "" : "Redis has not answered in time");
          }};
}

void StreamAppender::append_locked(const PointBatch& batch) {
  std::size_t bytes = 0;
  const std::string traceparent = batch.sampled ? batch.sampled->traceparent() : std::string();
  for (const Point& point : batch.points) {
    Stream& stream = streams_[point.series_hash % streams_.size()];
    // What an entry says is true of all its points.
    if (stream.open.traceparent != traceparent) {
      close_entry_locked(stream, {});
      stream.open.traceparent = traceparent;
    }
    std::string& text = stream.open.points;
    const std::string_view json = batch.json(point);
    const std::size_t begin = text.size();
    text += json;
    // Between a document's tokens a line's end is as good as a blank, and it cannot be in a string.
    std::ranges::replace(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), '\n', ' ');
    text += '\n';
    ++stream.open.count;
    bytes += json.size() + 1;
  }
  stats_.backlog_bytes.add(static_cast<std::int64_t>(bytes));
}

void StreamAppender::append_mark_locked(const std::string& line) {
  for (auto& stream : streams_) stream.open.points += line;
  stats_.backlog_bytes.add(static_cast<std::int64_t>(line.size() * streams_.size()));
}

void StreamAppender::close_full_entries_locked() {
  for (auto& stream : streams_) {
    if (stream.open.points.size() >= kEntryBytes) close_entry_locked(stream, {});
  }
}

void StreamAppender::close_entries_locked(std::string_view key) {
  for (auto& stream : streams_) close_entry_locked(stream, key);
}

void StreamAppender::close_entry_locked(Stream& stream, std::string_view key) {
  if (stream.open.points.empty()) return;
  const std::uint64_t number = stream.open.number;
  stream.open.key = key;
  stream.waiting.push_back(std::move(stream.open));
  stream.open = {.number = number + 1};
}

void StreamAppender::hand_on(PointBatchPtr batch) {
  const SourceKind source = batch->points.front().source;
  const std::size_t points = batch->points.size();
  if (live_.offer(batch)) return;
  // They are in the log all the same; only clients here do not see them.
  ingest_.of(source).accepted.add(points);
  pool_.put(std::move(batch));
}

void StreamAppender::hand_on(const MarkPtr& mark) {
  Body body{.marks = {{.mark = mark}}, .durability = Durability::kReceived};
  // Likewise.
  if (!live_.offer_all(body)) ingest_.marks.add();
}

void StreamAppender::when_durable(LogOffset offset, Durability durability,
                                  std::function<void(bool)> done) {
  {
    const std::lock_guard lock(mutex_);
    auto ticket = tickets_.find(offset);
    if (ticket == tickets_.end() && durability == Durability::kReplicated &&
        !replicated_.contains(offset)) {
      // Asked for again: all that Redis has by now.
      ticket = tickets_.emplace(++next_ticket_, Ticket{.body = offset}).first;
      for (std::uint32_t s = 0; s < streams_.size(); ++s) {
        ticket->second.entries.emplace_back(s, streams_[s].accepted);
      }
    }
    if (ticket != tickets_.end() && durability != Durability::kReceived &&
        !is_durable_locked(ticket->second, durability)) {
      if (durability == Durability::kReplicated) wants_replicas_ = true;
      ticket->second.waiters.push_back({durability, clock_.steady(), std::move(done)});
      signal_.notify();
      return;
    }
  }
  done(true);
}

}  // namespace slipstream
