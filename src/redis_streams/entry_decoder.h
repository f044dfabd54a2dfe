#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/partition_feed.h"
#include "codec/json_decoder.h"
#include "redis/reply.h"
#include "redis_streams/entry_id.h"

namespace slipstream {

/// Points from a stream's entries. An entry has
///   `data`: a point as JSON; or
///   `points`: many, as NDJSON (and `from`: the instance that wrote it); or
///   else every field is a member of one point, numbers as text being numbers.
/// An entry that is no point is dead whole; of one with many points, each bad point is dead alone.
/// One thread.
class EntryDecoder {
 public:
  /// `instance`: who we are, to know our own entries again.
  EntryDecoder(Schema& schema, IngestStats& stats, BatchPool& pool, std::string instance,
               std::uint32_t partition);

  /// `fields`: names and values in turn. A point without a time has the entry's (`written`).
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
  EntryId last() const { return EntryId::at(open_.last); }
  /// Those that have ended, in order; for the caller to take and clear.
  std::vector<EntryBatch>& batches() { return batches_; }

  /// Points and rejections are counted only while this is set: not for what is read again.
  void set_counting(bool counting) { is_counting_ = counting; }

 private:
  class Refusals;
  void enter(EntryId id);
  std::string_view flat_point(const ReplyView& fields);
  void append_member(std::string_view name, std::string_view value);
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
  std::string text_;
  std::vector<EntryBatch> batches_;
  EntryBatch open_;  ///< without its points, which are in writer_
  bool is_counting_ = true;
};

}  // namespace slipstream
