#include "pipeline/replay.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>
#include <variant>

#include "base/bounded_queue.h"
#include "base/signal.h"
#include "codec/mark_json.h"
#include "codec/point_log_decoder.h"

namespace slipstream {
namespace {

Work work_of(LogEntry& entry, LogOffset base) {
  Work work{.offset = base + entry.index, .count = entry.count, .time = entry.time};
  work.replayed = true;
  switch (entry.kind) {
    case LogEntryKind::kPoints:
      work.batch = std::move(entry.points);
      break;
    case LogEntryKind::kClose:
    case LogEntryKind::kDefinitions:
      work.kind = Work::Kind::kClose;
      break;
    case LogEntryKind::kMark:
      work.kind = Work::Kind::kMark;
      if (auto mark = parse_mark_json(entry.text, entry.time)) {
        work.mark = std::make_shared<const Mark>(std::move(*mark));
      }
      break;
    case LogEntryKind::kTick:
    case LogEntryKind::kKey:
    case LogEntryKind::kVoid:
      work.kind = Work::Kind::kTick;
      break;
  }
  return work;
}

/// Entries outside of [from, to) of points that lie across its ends go.
void trim(Work& work, LogOffset from, LogOffset to) {
  auto& points = work.batch->points;
  if (work.end() > to) points.resize(to - work.offset);
  if (work.offset < from) {
    points.erase(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(from - work.offset));
    work.offset = from;
  }
  work.count = points.size();
}

struct MetKey {
  AnsweredKey key;
  LogOffset end;
};
struct MetGap {
  LogOffset from;
  LogOffset to;
};
/// What a replay meets.
using Met = std::variant<LogWork, MetKey, MetGap>;
/// Takes what is met; false: no more of it.
using TakeMet = std::function<bool(Met)>;

/// The entries [from, to) of the log, decoded, in its order. One thread.
class Decoding {
 public:
  Decoding(std::unique_ptr<LogReader> reader, LogOffset from, LogOffset to, Schema& schema,
           BatchPool& pool)
      : reader_(std::move(reader)),
        from_(from),
        to_(to),
        pool_(pool),
        decoder_(schema.fields(), pool),
        expected_(from) {}

  /// Returns what the log could not give back.
  Result<std::vector<LostRange>> run(const TakeMet& take) {
    while (true) {
      const auto block = reader_->next();
      if (!block) return std::unexpected(block.error());
      if (!*block || (*block)->base_offset >= to_) break;
      if (!decode(**block, take)) return lost_;
    }
    expect(to_, to_, take);
    const auto& lost = reader_->lost();
    lost_.insert(lost_.end(), lost.begin(), lost.end());
    return lost_;
  }

 private:
  bool expect(LogOffset next, LogOffset after, const TakeMet& take) {
    const bool goes_on = expected_ >= next || take(MetGap{expected_, next});
    expected_ = std::max(expected_, after);
    return goes_on;
  }

  bool decode(const LogBlock& block, const TakeMet& take) {
    const auto opened = decoder_.open(block.payload);
    if (!opened || decoder_.count() != block.count) {
      lost_.push_back(
          {block.base_offset, block.end_offset(), std::string(block.file),
           opened ? "its entries are not as many as its head says" : opened.error().message});
      return true;
    }
    if (!expect(block.base_offset, block.end_offset(), take)) return false;
    LogEntry entry;
    while (decoder_.next(entry)) {
      const LogOffset offset = block.base_offset + entry.index;
      if (offset + entry.count <= from_ || offset >= to_) {
        if (entry.points) pool_.put(std::move(entry.points));
      } else if (!take(met(entry, block.base_offset))) {
        return false;
      }
    }
    return true;
  }

  Met met(LogEntry& entry, LogOffset base) const {
    if (entry.kind == LogEntryKind::kVoid) {
      return MetGap{std::max(base + entry.index, from_),
                    std::min(base + entry.index + entry.count, to_)};
    }
    if (entry.kind == LogEntryKind::kKey) {
      return MetKey{{std::string(entry.key), entry.time, entry.status, std::string(entry.text)},
                    base + entry.index + 1};
    }
    LogWork item{.partition = std::nullopt, .work = work_of(entry, base)};
    if (entry.kind == LogEntryKind::kPoints) {
      item.partition = entry.partition;
      trim(item.work, from_, to_);
    }
    return item;
  }

  const std::unique_ptr<LogReader> reader_;
  const LogOffset from_;
  const LogOffset to_;
  BatchPool& pool_;
  PointLogDecoder decoder_;
  LogOffset expected_;
  std::vector<LostRange> lost_;
};

/// Runs a decoding on a thread of its own, some items ahead of who takes them. Threads: one.
class DecodingAhead {
 public:
  explicit DecodingAhead(Decoding& decoding)
      : decoding_(decoding), queue_(kLimits), thread_([this] { run(); }) {}
  ~DecodingAhead() {
    queue_.close();
    room_.notify();
    thread_.join();
  }

  /// Waits; false: there is no more.
  bool take(std::vector<Met>& items) {
    while (queue_.take(items, kItemsPerTake) == 0) {
      if (has_ended_.load(std::memory_order_acquire)) {
        return queue_.take(items, kItemsPerTake) > 0;
      }
      come_.wait_for(kWait);
    }
    room_.notify();
    return true;
  }
  /// When there is no more.
  const Result<std::vector<LostRange>>& lost() const { return lost_; }

 private:
  static constexpr QueueLimits kLimits{.items = 64, .bytes = std::size_t{16} << 20};
  static constexpr std::size_t kItemsPerTake = 16;
  static constexpr std::chrono::milliseconds kWait{50};

  void run() noexcept {
    pthread_setname_np(pthread_self(), "replay");
    lost_ = decoding_.run([this](Met item) {
      const auto* const work = std::get_if<LogWork>(&item);
      const std::size_t bytes = work != nullptr ? work->work.bytes() : 0;
      while (true) {
        const OfferStatus offered = queue_.offer(item, bytes);
        if (offered != OfferStatus::kFull) {
          come_.notify();
          return offered == OfferStatus::kTaken;
        }
        room_.wait_for(kWait);
      }
    });
    has_ended_.store(true, std::memory_order_release);
    come_.notify();
  }

  Decoding& decoding_;
  BoundedQueue<Met> queue_;
  Signal come_;
  Signal room_;
  std::atomic<bool> has_ended_{false};
  Result<std::vector<LostRange>> lost_;
  std::thread thread_;
};

}  // namespace

Result<ReplaySummary> replay_log(Log& log, LogOffset from, LogOffset to, Schema& schema,
                                 BatchPool& pool, const ReplayTakers& takers, ReadAhead ahead) {
  ReplaySummary summary;
  if (from >= to) return summary;
  auto reader = log.read_from(from);
  if (!reader) return std::unexpected(reader.error());
  const auto take = [&](Met item) {
    if (auto* const work = std::get_if<LogWork>(&item)) {
      if (work->work.kind == Work::Kind::kPoints) summary.points += work->work.count;
      takers.work(std::move(*work));
    } else if (auto* const met = std::get_if<MetKey>(&item)) {
      summary.keys.push_back(std::move(met->key));
      if (takers.key) takers.key(summary.keys.back(), met->end);
    } else if (takers.gap) {
      const auto& gap = std::get<MetGap>(item);
      takers.gap(gap.from, gap.to);
    }
    return true;
  };
  Decoding decoding(std::move(*reader), from, to, schema, pool);
  Result<std::vector<LostRange>> lost;
  if (ahead == ReadAhead::kNo) {
    lost = decoding.run(take);
  } else {
    DecodingAhead decoded(decoding);
    for (std::vector<Met> items; decoded.take(items); items.clear()) {
      for (Met& item : items) take(std::move(item));
    }
    lost = decoded.lost();
  }
  if (!lost) return std::unexpected(lost.error());
  summary.lost = std::move(*lost);
  return summary;
}

}  // namespace slipstream
