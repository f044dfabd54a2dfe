#include "cli/forwarder.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/clock.h"
#include "cli/session.h"
#include "codec/point_json.h"
#include "ops/logging.h"

namespace slipstream {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kBetweenLines{60};
/// Servers remember an answered body for ten minutes.
constexpr std::int64_t kRememberedNs = 600 * kNsPerSecond;

std::string offsets(OffsetRange range) {
  return fmt::format("[{}, {})", range.from, range.to);
}

}  // namespace

Forwarder::Forwarder(Options options, Schema& schema, ForwardPosition& position,
                     BodyDelivery& delivery, StopSignal& stop)
    : options_(std::move(options)),
      schema_(schema),
      position_(position),
      delivery_(delivery),
      stop_(stop) {}

Result<void> Forwarder::run() {
  auto outcome = begin();
  if (outcome) outcome = send_pending();
  if (outcome && !stop_.is_stopped()) outcome = options_.once ? run_once() : run_on();
  if (outcome) {
    if (const auto segments = list_segments(posix_file_system(), options_.log_folder)) {
      outcome = know_log(*segments);
    }
  }
  // What was passed over since the last body is worth remembering, too; of a log that is on the
  // disk as far as that.
  auto saved = follower_ ? follower_->sync() : Result<void>{};
  if (saved && outcome) saved = position_.save();
  return outcome ? saved : outcome;
}

Result<void> Forwarder::know_log(const std::vector<SegmentInfo>& segments) {
  auto& state = position_.state();
  const auto end = state.delivered.end();
  if (state.log && state.log->base < end) {
    const auto& [base, created_ns] = *state.log;
    const auto at = std::ranges::find(segments, base, &SegmentInfo::base_offset);
    const bool is_other = at != segments.end() && at->header == HeaderState::kGood &&
                          !at->is_rewritten() && at->created_ns != created_ns;
    if (is_other) {
      return fail(
          "the log was begun anew since it was last sent: offsets are other points' now. "
          "Delete the position (forward/*.position) to send all that is in it",
          ErrorCode::kCorrupt);
    }
  }
  // The youngest of which something was sent.
  for (const auto& segment : segments) {
    const bool is_sure = segment.header == HeaderState::kGood && !segment.is_rewritten();
    if (is_sure && segment.base_offset < end) {
      state.log = ForwardPosition::LogMark{segment.base_offset, segment.created_ns};
    }
  }
  return {};
}

Result<void> Forwarder::begin() {
  const auto extent = look();
  if (!extent) return std::unexpected(extent.error());
  begins_ = extent->from;
  auto& state = position_.state();
  if (position_.is_new() && options_.only_new) skip({0, extent->to});
  if (position_.is_new()) skip({0, begins_});
  if (auto known = know_log(extent->segments); !known) return known;
  if (const auto end = state.delivered.end(); end > extent->to && end - extent->to <= kFarBehind) {
    log_warn("the log's end is not there any more; its offsets are other points' from now on",
             {{"offsets", offsets({extent->to, end})}});
    position_.cut(extent->to);
  }
  if (state.delivered.end() > extent->to) {
    return fail(fmt::format("the log ends at offset {}, and up to {} was sent before: it is "
                            "another "
                            "log, or its end is lost. Delete the position to send all of it",
                            extent->to, state.delivered.end()),
                ErrorCode::kCorrupt);
  }
  log_info("forwarding", {{"to", delivery_.server()},
                          {"log", options_.log_folder.string()},
                          {"sent_to", std::to_string(state.delivered.end())},
                          {"log_to", std::to_string(extent->to)}});
  follow_from(std::max(state.delivered.end(), begins_));
  return position_.save();
}

Result<LogExtent> Forwarder::look() const {
  auto extent = find_log_extent(options_.log_folder);
  if (!extent) return extent;
  // What is sent is in the log for good: its offset is no other point's after a power cut. Of the
  // segments before these two all is on the disk already.
  const auto& segments = extent->segments;
  for (std::size_t i = segments.size() - std::min<std::size_t>(2, segments.size());
       i < segments.size(); ++i) {
    const auto file = posix_file_system().open_read(options_.log_folder / segments[i].name);
    if (!file) continue;  // removed meanwhile
    if (auto synced = (*file)->sync(); !synced) return std::unexpected(synced.error());
  }
  return extent;
}

Result<void> Forwarder::send_pending() {
  const auto pending = position_.state().pending;
  if (!pending) return {};
  if (system_clock().now().ns - pending->since_ns > kRememberedNs) {
    log_warn(
        "a body had no answer for longer than servers remember one: its "
        "points may be there "
        "twice",
        {{"offsets", offsets(pending->range)}});
  }
  if (auto opened = read_gap(pending->range); !opened) return opened;
  max_bytes_ = max_items_ = std::numeric_limits<std::size_t>::max();
  const auto filled = fill(*gap_points_);
  max_bytes_ = kMaxBodyBytes;
  max_items_ = kFirstItems;
  tell_lost(gap_reader_->lost());
  tell_lost(gap_points_->take_undecoded());
  if (!filled) return std::unexpected(filled.error());
  body_.range = pending->range;  // whatever of it can still be read
  gap_.reset();
  return send();
}

Result<void> Forwarder::run_once() {
  const auto extent = look();
  if (!extent) return std::unexpected(extent.error());
  follow_from(extent->to);
  while (!stop_.is_stopped()) {
    const auto sent = send_of_gap();
    if (!sent) return std::unexpected(sent.error());
    if (!*sent) break;
  }
  return {};
}

Result<void> Forwarder::run_on() {
  // Behind what send_pending() may have sent.
  follow_from(std::max(position_.state().delivered.end(), begins_));
  if (auto jumped = jump(); !jumped) return jumped;
  int live_bodies = 0;
  bool is_live_full = false;  // there is more at once
  std::optional<steady_clock::time_point> last_live;
  while (!stop_.is_stopped()) {
    tell_progress();
    const bool is_gaps_turn = live_bodies >= kLiveBodiesPerGap;
    const bool is_due = is_live_full || !last_live || steady_clock::now() - *last_live >= kPause;
    if (is_due && !is_gaps_turn) {
      const auto filled = fill(*live_);
      tell_lost(follower_->take_lost());
      tell_lost(live_->take_undecoded());
      if (!filled) return std::unexpected(filled.error());
      is_live_full = is_full();
      if (*filled) {
        // As look() does.
        if (auto synced = follower_->sync(); !synced) return synced;
        if (auto sent = send(); !sent) return sent;
        last_live = steady_clock::now();
        ++live_bodies;
        Result<void> jumped;
        if (delivery_.was_held_up()) {
          jumped = jump();
        } else if (is_live_full) {
          jumped = jump_in_time();
        }
        if (!jumped) return jumped;
        continue;
      }
      skip(body_.range);
    }
    live_bodies = 0;
    const auto sent = send_of_gap();
    if (!sent) return std::unexpected(sent.error());
    if (!*sent && !is_gaps_turn) stop_.sleep(kPause);
  }
  return {};
}

Result<void> Forwarder::jump_in_time() {
  if (steady_clock::now() - jumped_ < kBetweenJumps) return {};
  return jump();
}

Result<void> Forwarder::jump() {
  const auto extent = look();
  if (!extent) return std::unexpected(extent.error());
  if (auto known = know_log(extent->segments); !known) return known;
  jumped_ = steady_clock::now();
  begins_ = extent->from;
  log_to_ = extent->to;
  const std::uint64_t at = live_->position();
  // A set that is full gets no new gap: then all goes in order.
  if (extent->to < at + kFarBehind ||
      position_.state().delivered.ranges().size() >= ForwardPosition::kMostRanges) {
    return {};
  }
  log_info("far behind: what comes now goes first, and the rest after it",
           {{"behind", std::to_string(waiting(extent->to))}});
  follow_from(extent->to);
  return {};
}

void Forwarder::follow_from(std::uint64_t offset) {
  live_.reset();
  follower_ = std::make_unique<SegmentFollower>(posix_file_system(), options_.log_folder, offset);
  live_ = std::make_unique<LogPoints>(
      LogPoints::Source{.next = [f = follower_.get()] { return f->next(); },
                        .position = [f = follower_.get()] { return f->position(); }},
      schema_, pool_, offset);
}

Result<void> Forwarder::read_gap(OffsetRange gap) {
  auto segments = list_segments(posix_file_system(), options_.log_folder);
  if (!segments) return std::unexpected(segments.error());
  gap_points_.reset();
  gap_ = gap;
  gap_lost_ = 0;
  gap_reader_ = std::make_unique<SegmentReader>(posix_file_system(), options_.log_folder,
                                                std::move(*segments), gap.from, gap.to);
  gap_points_ = std::make_unique<LogPoints>(
      LogPoints::Source{.next = [r = gap_reader_.get()] { return r->next(); },
                        .position = [to = gap.to] { return to; }},
      schema_, pool_, gap.from, gap.to);
  return {};
}

Result<bool> Forwarder::send_of_gap() {
  if (!gap_) {
    const auto gaps = position_.state().delivered.gaps({0, live_->position()});
    if (gaps.empty()) return false;
    if (auto opened = read_gap(gaps.front()); !opened) return std::unexpected(opened.error());
  }
  const auto filled = fill(*gap_points_);
  const auto& lost = gap_reader_->lost();
  tell_lost({lost.begin() + static_cast<std::ptrdiff_t>(gap_lost_), lost.end()});
  gap_lost_ = lost.size();
  tell_lost(gap_points_->take_undecoded());
  if (!filled) return std::unexpected(filled.error());
  const bool is_over = gap_points_->position() >= gap_->to;
  const OffsetRange range = body_.range;
  if (*filled) {
    if (auto sent = send(); !sent) return std::unexpected(sent.error());
  } else {
    skip(range);
  }
  // One that was too large is read again, in smaller pieces.
  const bool is_sent = position_.state().delivered.gaps(range).empty();
  if (is_over || !is_sent) gap_.reset();
  return true;
}

Result<bool> Forwarder::fill(LogPoints& points) {
  body_.lines.clear();
  body_.points = body_.marks = 0;
  body_.range.from = points.position();
  while (body_.lines.size() < max_bytes_ && body_.items() < max_items_) {
    const auto item = points.next();
    if (!item) return std::unexpected(item.error());
    if (!*item) break;
    const std::size_t begin = body_.lines.size();
    if ((*item)->point == nullptr) {
      body_.lines += (*item)->mark;
      ++body_.marks;
    } else {
      append_point_json(body_.lines, *(*item)->batch, *(*item)->point, schema_);
      ++body_.points;
    }
    // Within JSON it is white space.
    std::replace(body_.lines.begin() + static_cast<std::ptrdiff_t>(begin), body_.lines.end(), '\n',
                 ' ');
    body_.lines += '\n';
  }
  body_.range.to = points.position();
  counts_.values_dropped += points.take_values_dropped();
  return body_.items() > 0;
}

Result<void> Forwarder::send() {
  auto& state = position_.state();
  if (body_.items() > 0) {
    // A body that was begun before keeps its time.
    const auto since = state.pending && state.pending->range == body_.range
                           ? state.pending->since_ns
                           : system_clock().now().ns;
    state.pending = {body_.range, since};
    if (auto saved = position_.save(); !saved) return saved;
    const auto key = fmt::format("forward-{}-{}-{}", state.id, body_.range.from, body_.range.to);
    const auto delivery = delivery_.deliver(body_.lines, body_.items(), key);
    switch (delivery.outcome) {
      case DeliveryResult::Outcome::kTaken:
        break;
      case DeliveryResult::Outcome::kTooLarge:
        max_items_ = std::max<std::size_t>(1, body_.items() / 2);
        no_growth_for_ = kBodiesBeforeGrowth;
        state.pending.reset();
        return position_.save();
      case DeliveryResult::Outcome::kStopped:
        return {};
      case DeliveryResult::Outcome::kGaveUp:
      case DeliveryResult::Outcome::kRefused:
        return fail(delivery.why);
    }
    counts_.points += body_.points - std::min<std::uint64_t>(body_.points, delivery.refused);
    counts_.marks += body_.marks;
    counts_.refused += delivery.refused;
    adapt();
    if (delivery_.was_held_up() && system_clock().now().ns - since > kRememberedNs) {
      counts_.perhaps_twice += body_.points;
      log_warn(
          "the answer came later than servers remember a body: its points "
          "may be there twice",
          {{"offsets", offsets(body_.range)}});
    }
    if (delivery.refused > 0) {
      log_warn("the server did not take some points, and never will",
               {{"points", std::to_string(delivery.refused)}, {"the_first", delivery.why}});
    }
  }
  state.delivered.add(body_.range);
  state.pending.reset();
  return position_.save();
}

void Forwarder::tell_lost(const std::vector<LostRange>& lost) {
  for (const auto& range : lost) {
    counts_.lost += range.to - range.from;
    log_error(
        "entries of the log cannot be sent any more",
        {{"offsets", offsets({range.from, range.to})}, {"file", range.file}, {"why", range.why}});
  }
}

void Forwarder::tell_progress() {
  const auto now = steady_clock::now();
  if (now - told_ < kBetweenLines) return;
  told_ = now;
  log_info("forwarded",
           {{"points", std::to_string(counts_.points)},
            {"refused", std::to_string(counts_.refused)},
            {"lost", std::to_string(counts_.lost)},
            {"waiting_entries", std::to_string(waiting(std::max(log_to_, live_->position())))}});
}

std::uint64_t Forwarder::waiting(std::uint64_t end) const {
  std::uint64_t entries = 0;
  for (const auto& [from, to] : position_.state().delivered.gaps({0, end})) entries += to - from;
  return entries;
}

void Forwarder::adapt() {
  if (no_growth_for_ > 0) {
    --no_growth_for_;
  } else if (delivery_.took() < kQuick) {
    max_items_ = std::min(kMaxItems, 2 * max_items_);
  } else if (delivery_.took() > 2 * kQuick) {
    max_items_ = std::max<std::size_t>(1, max_items_ / 2);
  }
}

}  // namespace slipstream
