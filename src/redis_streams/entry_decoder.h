#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/partition_feed.h"
#include "codec/json_decoder.h"
#include "redis/reply.h"
#include "redis_streams/entry_id.h"
#include "tracing/tracer.h"

namespace slipstream {

/// Points and marks from a stream's entries. An entry has
///   `data`: a point or a mark as JSON; or
///   `points`: many, as NDJSON (and `from`: the instance that wrote it); or
///   else every field is a member of one point or mark, numbers as text being numbers where there
///   can be one;
/// and beside that `traceparent`, where it is a part of a trace. What is sampled is a batch of its
/// own. Of an entry that an instance wrote the trace goes on, else it begins here; none does with
/// what is read again.
/// An entry that is neither is dead whole; of one with many, each bad one is dead alone. An
/// instance writes a mark into every partition's stream: that of partition 0 is the one that is
/// stored.
/// One thread.
class EntryDecoder final : private MarkSink {
 public:
  /// `instance`: who we are, to know our own entries again.
  /// `tracer`: nullptr: nothing is traced.
  EntryDecoder(Schema& schema, IngestStats& stats, BatchPool& pool, std::string instance,
               std::uint32_t partition, Tracer* tracer = nullptr);

  /// `fields`: names and values in turn. A point or mark without a time has the entry's
  /// (`written`).
  void decode(EntryId id, const ReplyView& fields, ArrivalTime now, EventTime written);
  /// An entry of which nothing is left.
  void pass(EntryId id);
  /// An entry that is dead whole, whatever is in it.
  void bury(EntryId id, const ReplyView& fields, std::string reason, std::string message);
  /// Ends the open batch.
  void cut();

  /// There is a batch that goes on with the next entry.
  bool is_open() const { return open_.entries > 0; }
  /// The newest entry in it.
  EntryId last() const { return EntryId::at(open_.last.entry); }
  /// Those that have ended, in order; for the caller to take and clear.
  std::deque<EntryBatch>& batches() { return batches_; }

  /// Points, marks and rejections are counted only while this is set: not for what is read again.
  void set_counting(bool counting) { is_counting_ = counting; }

 private:
  class Refusals;
  /// What an entry's fields are, beside the members of a point.
  struct Given {
    std::string_view data;
    std::string_view from;
    std::string_view traceparent;
    bool has_text = false;
    bool has_many = false;
  };
  static Given given_in(const ReplyView& fields);
  void accept(const Mark& mark) override;
  void begin_trace(const Given& given);
  void end_trace(ArrivalTime received, std::size_t points);
  void enter(EntryId id);
  void leave();
  bool holds_any();
  void push_open(EntryPlace last);
  std::string_view flat_object(const ReplyView& fields);
  void append_member(std::string_view name, std::string_view value, bool is_mark);
  void append_text(std::string_view text);

  static constexpr std::size_t kPointsPerBatch = 512;

  Schema& schema_;
  IngestStats& stats_;
  BatchWriter writer_;
  PointBuilder builder_;
  DraftFiller filler_{builder_};
  JsonDecoder json_{filler_};
  const std::string instance_;
  const std::uint32_t partition_;
  Tracer* const tracer_;
  std::string text_;
  std::deque<EntryBatch> batches_;
  EntryBatch open_;  ///< without its points, which are in writer_
  bool is_counting_ = true;

  // Of the entry at hand.
  bool is_from_ = false;     ///< an instance wrote it
  std::uint32_t marks_ = 0;  ///< taken
  std::size_t refused_ = 0;  ///< neither points nor marks
  SampledTracePtr sampled_;
  std::int64_t decoding_since_ = 0;  ///< where it is sampled
};

}  // namespace slipstream
