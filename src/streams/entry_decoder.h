#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/json_decoder.h"
#include "redis/reply.h"
#include "streams/entry_id.h"

namespace slipstream {

/// What is no point, to be kept in the dead-letter stream.
struct DeadEntry {
  std::string id;       ///< of the entry it came in
  std::string reason;   ///< one of the rejections' names
  std::string message;  ///< for a person
  std::vector<std::pair<std::string, std::string>> fields = {};
};

/// Points of consecutive entries.
struct EntryBatch {
  PointBatchPtr batch;
  bool is_own = false;  ///< this instance wrote the entries
  EntryId last = {};    ///< the last of them
};

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
  /// Ends the open batch.
  void cut();

  /// In order; for the caller to take and clear.
  std::vector<EntryBatch>& batches() { return batches_; }
  std::vector<DeadEntry>& dead() { return dead_; }
  const std::vector<DeadEntry>& dead() const { return dead_; }

  /// Points and rejections are counted only while this is set: not for what is read again.
  void set_counting(bool counting) { is_counting_ = counting; }

 private:
  class Refusals;
  std::string_view flat_point(const ReplyView& fields);
  void append_member(std::string_view name, std::string_view value);
  void append_text(std::string_view text);

  static constexpr std::size_t kPointsPerBatch = 512;

  Schema& schema_;
  IngestStats& stats_;
  BatchWriter writer_;
  PointBuilder builder_;
  JsonDecoder json_;
  const std::string instance_;
  const std::uint32_t partition_;
  std::string text_;
  std::vector<EntryBatch> batches_;
  std::vector<DeadEntry> dead_;
  bool open_is_own_ = false;
  EntryId open_last_;
  bool is_counting_ = true;
};

}  // namespace slipstream
