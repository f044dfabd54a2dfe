#include "simulation/memory_log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace slipstream::simulation {

void MemoryLog::write(std::vector<SimPoint> points, int writer, std::vector<SimMark> marks) {
  const auto ms = static_cast<std::uint64_t>(clock_.now().ns / kNsPerMs);
  newest_ = ms > newest_.high ? EntryPosition{ms, 0} : EntryPosition{newest_.high, newest_.low + 1};
  entries_.push_back(std::make_shared<MemoryEntry>(MemoryEntry{.at = newest_,
                                                               .written = clock_.steady(),
                                                               .points = std::move(points),
                                                               .marks = std::move(marks),
                                                               .writer = writer}));
}

void MemoryLog::take(std::string token) {
  do_abandoned();
  token_ = std::move(token);
  ++fence_;
}

void MemoryLog::do_abandoned() {
  for (const MemoryRequest& request : std::exchange(abandoned_, {})) {
    execute(request);
    if (faults_.commits_twice && request.commit) execute(request);
  }
}

void MemoryLog::do_late() {
  do_abandoned();
  for (const MemoryRequest& request : std::exchange(late_, {})) execute(request);
}

void MemoryLog::forget_entries() {
  CHECK(is_at_rest(), "an entry that is not acknowledged may be needed again");
  entries_.clear();
  given_ = 0;
}

MemoryAnswer MemoryLog::execute(const MemoryRequest& request) {
  if (request.fence != fence_ && !faults_.ignores_fence) return {.status = FeedStatus::kFenced};
  MemoryAnswer answer;
  if (request.commit) {
    apply(request);
    answer.turn.has_committed = true;
  }
  for (; answer.entries.size() < request.count && given_ < entries_.size(); ++given_) {
    const MemoryEntryPtr& entry = entries_[given_];
    pending_[entry->at] = entry;
    newest_given_ = entry->at;
    answer.entries.push_back(entry);
  }
  answer.turn.is_full = request.count > 0 && answer.entries.size() == request.count;
  answer.turn.is_drained = !answer.turn.is_full;
  return answer;
}

void MemoryLog::apply(const MemoryRequest& request) {
  const PartitionCommit& commit = *request.commit;
  const bool is_of_another_layout = !layout_.empty() && layout_ != commit.layout;
  layouts_ += is_of_another_layout ? 1 : 0;
  on_commit_(commit, is_of_another_layout);
  for (const Output& output : commit.outputs) {
    rollups_.insert(rollups_.end(), output.rollups.begin(), output.rollups.end());
    marks_.insert(marks_.end(), output.marks.begin(), output.marks.end());
    if (!output.checkpoint) continue;
    for (const std::uint32_t series : output.checkpoint->removed) series_.erase(series);
    for (const auto& [series, state] : output.checkpoint->changed) series_[series] = state;
    windows_ = output.checkpoint->windows;
    layout_ = commit.layout;
  }
  if (faults_.commits_in_part && random_.chance(2)) return;
  dead_.insert(dead_.end(), commit.dead.begin(), commit.dead.end());
  for (const EntryPosition at : request.acks) {
    const auto entry = pending_.find(at);
    if (entry == pending_.end()) continue;
    entry->second->layout = commit.layout;
    entry->second->layouts = layouts_;
    pending_.erase(entry);
  }
}

MemoryFeed::MemoryFeed(const Parts& parts, std::string token, int instance, std::uint32_t partition)
    : parts_(parts),
      token_(std::move(token)),
      instance_(instance),
      partition_(partition),
      count_(1 + parts.random.pick(30)),
      batch_points_(1 + parts.random.pick(24)) {}

MemoryFeed::~MemoryFeed() {
  if (asked_ && !answer_) abandon(std::move(*asked_));
}

FeedStatus MemoryFeed::lost(std::string why) {
  error_ = std::move(why);
  is_lost_ = true;
  return FeedStatus::kLost;
}

bool MemoryFeed::fails() {
  return is_lost_ || !parts_.log.is_reachable ||
         parts_.random.pick(1'000) < parts_.failing_per_mille;
}

void MemoryFeed::abandon(MemoryRequest request) {
  const auto what = parts_.random.pick(3);
  if (what == 0 || request.wait.count() > 0) return;
  auto& to = what == 1 && parts_.log.is_reachable ? parts_.log.abandoned_ : parts_.log.late_;
  to.push_back(std::move(request));
}

FeedStatus MemoryFeed::begin(Loaded& loaded) {
  MemoryLog& log = parts_.log;
  if (fails()) return lost("no connection");
  if (log.token_ != token_) return FeedStatus::kFenced;
  log.do_abandoned();
  fence_ = ++log.fence_;
  if (fails()) return lost("the connection was lost");
  loaded.state.windows = log.windows_;
  loaded.state.series.assign(log.series_.begin(), log.series_.end());
  loaded.layout = log.layout_;
  loaded.given_until = log.newest_given_;
  loaded.name = "in memory";
  return FeedStatus::kWorked;
}

FeedStatus MemoryFeed::stored_outputs(std::uint64_t& seen, StoredOutputs& page) {
  constexpr std::size_t kPage = 40;
  if (fails()) return lost("the connection was lost");
  const auto& rollups = parts_.log.rollups_;
  const auto& marks = parts_.log.marks_;
  auto rollup = std::ranges::upper_bound(rollups, seen, {}, &Rollup::sequence);
  auto mark = std::ranges::upper_bound(marks, seen, {}, &PlacedMark::sequence);
  while (page.rollups.size() + page.marks.size() < kPage) {
    const bool has_mark = mark != marks.end();
    if (rollup != rollups.end() && (!has_mark || (*rollup)->sequence < mark->sequence)) {
      if ((*rollup)->stored) page.rollups.push_back(*rollup);
      if ((*rollup)->stored) seen = (*rollup)->sequence;
      ++rollup;
    } else if (has_mark) {
      seen = mark->sequence;
      page.marks.push_back(*mark++);
    } else {
      break;
    }
  }
  return FeedStatus::kWorked;
}

FeedStatus MemoryFeed::take_over(bool& has_any) {
  constexpr std::size_t kPage = 20;
  CHECK(page_.empty(), "a page is taken before the next one is read");
  if (fails()) return lost("the connection was lost");
  if (parts_.log.fence_ != fence_ && !parts_.log.faults_.ignores_fence) return FeedStatus::kFenced;
  const auto& pending = parts_.log.pending_;
  for (auto at = pending.upper_bound(taken_over_); at != pending.end() && page_.size() < kPage;
       ++at) {
    page_.push_back(at->second);
    taken_over_ = at->first;
  }
  has_any = !page_.empty();
  return FeedStatus::kWorked;
}

void MemoryFeed::stage(const PartitionCommit& commit) {
  CHECK(!staged_, "a commit is sent before the next one is put together");
  CHECK(commit.entries <= in_hand_.size(), "only entries that were given are acknowledged");
  staged_.emplace();
  PartitionCommit& copy = staged_->commit.emplace();
  copy.entries = commit.entries;
  copy.dead = commit.dead;
  copy.layout = commit.layout;
  for (const Output& output : commit.outputs) {
    Output& to = copy.outputs.emplace_back();
    to.rollups = output.rollups;
    to.marks = output.marks;
    if (output.checkpoint) to.checkpoint = std::make_unique<Checkpoint>(*output.checkpoint);
  }
  const auto end = in_hand_.begin() + static_cast<std::ptrdiff_t>(commit.entries);
  staged_->acks.assign(in_hand_.begin(), end);
  in_hand_.erase(in_hand_.begin(), end);
}

void MemoryFeed::ask(std::chrono::milliseconds wait) {
  CHECK(!asked_ && !answer_, "one answer is waited for at a time");
  asked_ = staged_ ? std::move(*staged_) : MemoryRequest{};
  staged_.reset();
  asked_->fence = fence_;
  asked_->sent = parts_.clock.steady();
  if (is_drained_ && !asked_->commit && wait.count() > 0) {
    asked_->wait = wait;
    return;
  }
  asked_->count = count_;
  // The server does it while the owner folds, or later.
  if (!is_lost_ && parts_.log.is_reachable && parts_.random.chance(60)) {
    answer_ = parts_.log.execute(*asked_);
  }
}

FeedStatus MemoryFeed::read(FeedTurn& turn, Deadline) {
  CHECK(asked_.has_value(), "only what was asked for is answered");
  if (asked_->wait.count() > 0) return read_news(turn);
  if (!answer_ && !is_lost_ && !parts_.log.is_reachable && parts_.random.chance(90)) {
    return FeedStatus::kIdle;
  }
  if (fails()) {
    if (!answer_) {
      abandon(std::move(*asked_));
    } else if (parts_.log.faults_.commits_twice && asked_->commit) {
      parts_.log.execute(*asked_);
    }
    asked_.reset();
    answer_.reset();
    return lost("the connection was lost");
  }
  if (!answer_) answer_ = parts_.log.execute(*asked_);
  const MemoryAnswer answer = std::move(*answer_);
  asked_.reset();
  answer_.reset();
  if (answer.status != FeedStatus::kWorked) return answer.status;
  CHECK(page_.empty(), "entries of the answer before are taken first");
  page_.assign(answer.entries.begin(), answer.entries.end());
  turn = answer.turn;
  is_drained_ = turn.is_drained;
  return FeedStatus::kWorked;
}

FeedStatus MemoryFeed::read_news(FeedTurn& turn) {
  MemoryLog& log = parts_.log;
  if (!is_lost_ && !log.is_reachable && parts_.random.chance(90)) return FeedStatus::kIdle;
  if (fails()) {
    asked_.reset();
    return lost("the connection was lost");
  }
  // As of when the wait ended, however long ago that was.
  const SteadyTime end = asked_->sent + asked_->wait.count() * kNsPerMs;
  const bool has_news =
      log.given_ < log.entries_.size() && log.entries_[log.given_]->written <= end;
  if (!has_news && parts_.clock.steady() < end) return FeedStatus::kIdle;
  asked_.reset();
  is_drained_ = !has_news;
  turn = {.is_drained = is_drained_};
  return FeedStatus::kWorked;
}

FeedStatus MemoryFeed::commit(Deadline) {
  CHECK(staged_ && !asked_, "a commit by itself is staged, and has no answer before it");
  MemoryRequest request = std::move(*staged_);
  staged_.reset();
  request.fence = fence_;
  if (fails()) {
    abandon(std::move(request));
    return lost("the connection was lost");
  }
  const FeedStatus done = parts_.log.execute(request).status;
  if (done == FeedStatus::kWorked && fails()) {
    if (parts_.log.faults_.commits_twice) parts_.log.execute(request);
    return lost("the answer was lost");
  }
  return done;
}

bool MemoryFeed::next(EntryBatch& batch, const BatchRules& rules) {
  while (!page_.empty() && batches_.empty()) {
    const MemoryEntryPtr entry = page_.front();
    const bool is_own = entry->writer == instance_;
    const bool is_apart = rules.boundary && open_.entries > 0 &&
                          (entry->at > *rules.boundary) != (open_.last.entry > *rules.boundary);
    const bool is_full = open_.batch && open_.batch->points.size() >= batch_points_;
    if (open_.entries > 0 && (is_apart || is_full || rules.one_by_one || is_own != open_.is_own)) {
      push_open(open_.last);
      break;
    }
    page_.pop_front();
    in_hand_.push_back(entry->at);
    open_.last = {entry->at};
    open_.is_own = is_own;
    const auto culprit = rules.culprits->find(entry->at);
    if (culprit != rules.culprits->end()) {
      open_.dead.push_back(
          {.at = entry->at, .reason = "worker_failed", .message = culprit->second});
    } else if (entry->points.empty() && entry->marks.empty()) {
      open_.dead.push_back({.at = entry->at, .reason = "malformed_json", .message = "no point"});
    } else {
      add(*entry);
    }
    ++open_.entries;
  }
  if (batches_.empty() && open_.entries > 0) push_open(open_.last);
  if (batches_.empty()) return false;
  batch = std::move(batches_.front());
  batches_.pop_front();
  return true;
}

void MemoryFeed::add(const MemoryEntry& entry) {
  const PointFields fields(parts_.schema.fields());
  std::uint32_t marks = 0;
  for (std::size_t i = 0; i <= entry.points.size(); ++i) {
    for (; marks < entry.marks.size() && entry.marks[marks].after == i; ++marks) {
      add_mark(entry, marks);
    }
    if (i == entry.points.size()) break;
    if (!open_.batch) open_.batch = parts_.pool.get();
    add_point(*open_.batch, entry.points[i], SourceKind::kRedis, parts_.clock.now(), fields);
  }
}

void MemoryFeed::add_mark(const MemoryEntry& entry, std::uint32_t number) {
  const ArrivalTime now = parts_.clock.now();
  const Mark mark{.time = {now.ns},
                  .arrival = now,
                  .track = "cota",
                  .kind = "note",
                  .text = entry.marks[number].text};
  push_open(EntryPlace::before_mark(entry.at, number));
  open_.mark = {.mark = std::make_shared<const Mark>(mark), .is_copy = entry.marks[number].is_copy};
  push_open(EntryPlace::behind_mark(entry.at, number));
}

void MemoryFeed::push_open(EntryPlace last) {
  if (open_.batch) {
    open_.batch->partition = partition_;
    open_.batch->text.append(PointBatch::kTextSpare, ' ');
  }
  const EntryPlace end = std::exchange(open_.last, last);
  batches_.push_back(std::exchange(open_, {.is_own = open_.is_own, .last = end}));
}

}  // namespace slipstream::simulation
