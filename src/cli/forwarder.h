#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/forward_delivery.h"
#include "cli/forward_position.h"
#include "cli/session.h"
#include "history/log_points.h"
#include "log/segment_follower.h"
#include "log/segment_reader.h"

namespace slipstream {

/// Sends what a log holds to another server, each point once. In two streams: what comes now, and
/// behind it, whenever there is nothing new (and at least once in a few bodies), what could not be
/// sent before, the oldest first. A body is written down (ForwardPosition) before it goes and when
/// it is answered. One thread, but for progress().
class Forwarder {
 public:
  static constexpr std::size_t kMaxBodyBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMaxItems = 2'000;
  /// Bodies begin with so many points, and grow for as long as they take less than kQuick: one that
  /// takes a slow link minutes is lost as a whole where that goes down.
  static constexpr std::size_t kFirstItems = 100;
  static constexpr std::chrono::seconds kQuick{2};
  /// After one that was too large for the server, so many go before they grow again.
  static constexpr int kBodiesBeforeGrowth = 64;
  /// Farther behind than this, what comes now goes first.
  static constexpr std::uint64_t kFarBehind = 20'000;
  static constexpr int kLiveBodiesPerGap = 8;
  /// Between looks at a log that does not grow, and the least between bodies of what comes now,
  /// unless they are full.
  static constexpr std::chrono::milliseconds kPause{100};
  /// Between looks at how far behind it is.
  static constexpr std::chrono::seconds kBetweenJumps{1};

  struct Options {
    std::filesystem::path log_folder;
    bool once = false;      ///< up to the log's end, in order; else for ever
    bool only_new = false;  ///< of a position that is new: what is there already counts as sent
  };
  struct Counts {
    std::uint64_t points = 0;
    std::uint64_t refused = 0;
    std::uint64_t lost = 0;  ///< offsets that could not be read, or were removed before
    std::uint64_t values_dropped = 0;
    std::uint64_t marks = 0;  ///< sent
    /// Of bodies that waited for an answer for longer than servers remember one.
    std::uint64_t perhaps_twice = 0;
  };

  /// All outlive it.
  Forwarder(Options options, Schema& schema, ForwardPosition& position, BodyDelivery& delivery,
            StopSignal& stop);

  /// Until it is stopped, or (once) all is sent. Errors: it cannot go on.
  Result<void> run();
  const Counts& counts() const { return counts_; }

 private:
  struct Body {
    OffsetRange range;
    std::string lines;
    std::size_t points = 0;
    std::size_t marks = 0;
    std::size_t items() const { return points + marks; }
  };

  /// What the log holds by now, all of which is on the disk.
  Result<LogExtent> look() const;
  /// Whether it is the log that was sent before, as far as its segments tell; remembers what they
  /// tell. Errors: it was begun anew (kCorrupt).
  Result<void> know_log(const std::vector<SegmentInfo>& segments);
  Result<void> begin();
  Result<void> send_pending();
  Result<void> run_once();
  Result<void> run_on();
  /// Where it is far behind, goes on with what comes now.
  Result<void> jump();
  /// jump(), where the last was long enough ago.
  Result<void> jump_in_time();
  void follow_from(std::uint64_t offset);
  Result<void> read_gap(OffsetRange gap);
  /// The next body of a gap. False: there is no gap.
  Result<bool> send_of_gap();
  /// Takes points until the body is full; whether there are any.
  Result<bool> fill(LogPoints& points);
  Result<void> send();
  bool is_full() const { return body_.lines.size() >= max_bytes_ || body_.items() >= max_items_; }
  /// What the last body says of how large the next may be.
  void adapt();
  /// Entries of [0, end) that are not sent.
  std::uint64_t waiting(std::uint64_t end) const;
  void skip(OffsetRange range) { position_.state().delivered.add(range); }
  void tell_lost(const std::vector<LostRange>& lost);
  void tell_progress();

  const Options options_;
  Schema& schema_;
  ForwardPosition& position_;
  BodyDelivery& delivery_;
  StopSignal& stop_;
  BatchPool pool_;

  std::uint64_t begins_ = 0;  ///< the log's first offset, when it was last looked at
  std::unique_ptr<SegmentFollower> follower_;
  std::unique_ptr<LogPoints> live_;
  std::optional<OffsetRange> gap_;
  std::unique_ptr<SegmentReader> gap_reader_;
  std::size_t gap_lost_ = 0;  ///< of the reader's, that were told
  std::unique_ptr<LogPoints> gap_points_;

  Body body_;
  std::size_t max_bytes_ = kMaxBodyBytes;
  std::size_t max_items_ = kFirstItems;
  int no_growth_for_ = 0;     ///< bodies
  std::uint64_t log_to_ = 0;  ///< the log's end, when it was last looked at
  Counts counts_;
  std::chrono::steady_clock::time_point jumped_;
  std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

}  // namespace slipstream
