// How a feed begins: what it takes over from the owners before.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/check.h"
#include "redis_streams/redis_feed.h"
#include "redis_streams/rollup_entries.h"

namespace slipstream {
namespace {

constexpr std::string_view kPage = "1000";
constexpr std::uint64_t kLastNumber = std::numeric_limits<std::uint64_t>::max();

}  // namespace

FeedStatus RedisFeed::begin(Loaded& loaded) {
  FeedStatus done = make_fence();
  if (done == FeedStatus::kWorked) done = load(loaded);
  if (done == FeedStatus::kWorked) done = make_group(loaded);
  return done;
}

/// Written anew, though it says the same: what a feed before has sent, and Redis has not done
/// yet, watches the fence and will do nothing.
FeedStatus RedisFeed::make_fence() {
  const auto watched = call({"WATCH", keys_.fence});
  if (!watched) return lost(watched.error().message);
  if (watched->is_error()) return failed(*watched);
  const auto fence = call({"GET", keys_.fence});
  if (!fence) return lost(fence.error().message);
  if (fence->text() != token_) return FeedStatus::kFenced;
  CommandBuffer& commands = connection_->commands();
  commands.command({"MULTI"});
  commands.command({"SET", keys_.fence, token_});
  queue_exec(2);
  const auto done = do_queued();
  // By whom the next feed sees: it may have been one of our own, late.
  return done == FeedStatus::kFenced ? lost("the fence was written meanwhile") : done;
}

/// A transaction of its own, not of a turn.
FeedStatus RedisFeed::do_queued() {
  const FeedStatus done = drain(redis_deadline_in(kCallLimit));
  return done == FeedStatus::kWorked && !unusable_.empty() ? lost(unusable_) : done;
}

FeedStatus RedisFeed::load(Loaded& loaded) {
  loaded.name = keys_.checkpoint;
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
      newest_ = EntryId::parse(value).value_or(EntryId{});
    } else if (name.starts_with(checkpoint_member::kSeriesPrefix)) {
      std::uint32_t series = 0;
      const auto read = std::from_chars(name.data() + 1, name.data() + name.size(), series);
      if (read.ec != std::errc{} || read.ptr != name.data() + name.size()) continue;
      loaded.state.series.emplace_back(series, value);
    }
  }
  std::ranges::sort(loaded.state.series);
  return FeedStatus::kWorked;
}

FeedStatus RedisFeed::make_group(Loaded& loaded) {
  // A group that was lost goes on behind what is in rollups; one lost with its stream, at the
  // beginning of the new one.
  const std::string from = !loaded.layout.empty()          ? newest_.text()
                           : had_group_ || options_.is_log ? "0"
                                                           : options_.from;
  const auto made =
      call({"XGROUP", "CREATE", keys_.telemetry, options_.names.group, from, "MKSTREAM"});
  if (!made) return lost(made.error().message);
  if (made->is_error() && !made->text().starts_with("BUSYGROUP")) {
    return lost(fmt::format("the consumer group cannot be made: {}", made->text()));
  }
  loaded.is_new = !made->is_error();  // in a stream made anew, ids may be lower
  had_group_ = true;
  const auto groups = call({"XINFO", "GROUPS", keys_.telemetry});
  if (!groups) return lost(groups.error().message);
  for (std::size_t i = 0; i < groups->size(); ++i) {
    if ((*groups)[i].member("name").text() != options_.names.group) continue;
    last_read_ =
        EntryId::parse((*groups)[i].member("last-delivered-id").text()).value_or(EntryId{});
  }
  loaded.given_until = last_read_.position();
  return FeedStatus::kWorked;
}

FeedStatus RedisFeed::stored_outputs(std::uint64_t& seen, StoredOutputs& page) {
  while (page.is_empty()) {
    const auto reply = call(
        {"XREAD", "COUNT", kPage, "STREAMS", keys_.rollups, EntryId{seen, kLastNumber}.text()});
    if (!reply) return lost(reply.error().message);
    if (reply->is_error()) return failed(*reply);
    const ReplyView entries = (*reply)[0][1];
    if (entries.size() == 0) return FeedStatus::kWorked;
    page.rollups = rollups_of_entries(
        entries, {.partition = stream_partition(number_), .stored = true, .now = now()}, rollups_);
    page.marks = marks_of_entries(entries);
    const auto last = EntryId::parse(entries[entries.size() - 1][0].text());
    if (!last) return lost(fmt::format("{} has an entry without an id", keys_.rollups));
    if (last->ms <= seen) return lost(fmt::format("{} is not read in order", keys_.rollups));
    seen = last->ms;
  }
  return FeedStatus::kWorked;
}

FeedStatus RedisFeed::claim_former_owners() {
  const auto owners = call({"SMEMBERS", keys_.owners});
  if (!owners) return lost(owners.error().message);
  for (std::size_t i = 0; i < owners->size(); ++i) {
    former_owners_.emplace((*owners)[i].text());
  }
  former_owners_.erase(options_.consumer);
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
    if (const auto done = claim_all_of(name); done != FeedStatus::kWorked) return done;
  }
  return FeedStatus::kWorked;
}

/// They can be given no entries any more, unless they take the partition again. In a transaction
/// that holds only while they have not.
FeedStatus RedisFeed::remove_former_owners() {
  if (former_owners_.empty()) return FeedStatus::kWorked;
  CommandBuffer& commands = connection_->commands();
  commands.command({"MULTI"});
  for (const auto& name : former_owners_) {
    commands.command({"XGROUP", "DELCONSUMER", keys_.telemetry, options_.names.group, name});
    commands.command({"SREM", keys_.owners, name});
  }
  queue_exec(1 + 2 * former_owners_.size());
  return do_queued();
}

FeedStatus RedisFeed::claim_all_of(const std::string& consumer) {
  std::string after = "-";
  while (true) {
    const auto pending =
        call({"XPENDING", keys_.telemetry, options_.names.group, after, "+", kPage, consumer});
    if (!pending) return lost(pending.error().message);
    if (pending->is_error()) return failed(*pending);
    if (pending->size() == 0) return FeedStatus::kWorked;
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
    if (const auto claimed = do_queued(); claimed != FeedStatus::kWorked) return claimed;
  }
}

FeedStatus RedisFeed::take_over(bool& has_any) {
  if (!has_claimed_) {
    FeedStatus done = claim_former_owners();
    if (done == FeedStatus::kWorked) done = remove_former_owners();
    if (done != FeedStatus::kWorked) return done;
    has_claimed_ = true;
  }
  CHECK(pages_.empty(), "a page is taken before the next one is read");
  const auto reply = call({"XREADGROUP", "GROUP", options_.names.group, options_.consumer, "COUNT",
                           kPage, "STREAMS", keys_.telemetry, taken_over_});
  if (!reply) return lost(reply.error().message);
  if (reply->is_error()) return failed(*reply);
  connection_->swap_reply(exec_);
  const ReplyView entries = exec_.view()[0][1];
  has_any = entries.size() > 0;
  if (!has_any) return FeedStatus::kWorked;
  taken_over_ = entries[entries.size() - 1][0].text();
  delivered_ += entries.size();
  parts_.cluster.stats.entries_again.add(entries.size());
  pages_.push_back({.entries = entries, .again = true});
  return FeedStatus::kWorked;
}

}  // namespace slipstream
