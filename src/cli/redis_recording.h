#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/redis_stream.h"
#include "model/point.h"
#include "redis_streams/entry_decoder.h"
#include "redis_streams/entry_id.h"

namespace slipstream {

/// The points and marks of a Redis stream, or of the streams of several partitions, as a recording:
/// from an entry's id on, in the order of ids, up to what was the end when it was opened. A mark
/// that an instance wrote into each of them is there once. Read as it goes; what trimming takes
/// meanwhile is not there. One thread.
class RedisRecording {
 public:
  struct Options {
    EntryId from = {};             ///< inclusive
    std::uint32_t partitions = 1;  ///< STREAM:{0}, STREAM:{1} ... where there are several
  };
  /// An entry's id, or its milliseconds alone.
  static Result<EntryId> parse_id(const std::string& text);
  /// Errors: no server, no such stream.
  static Result<std::unique_ptr<RedisRecording>> open(const RedisStreamUrl& url,
                                                      const Config& config, Options options);

  struct Point {
    std::int64_t pace_ns;   ///< when its entry was added; where the id does not tell, event time
    std::string_view json;  ///< good until the next call
    bool is_mark = false;   ///< it is no point
  };
  /// Nothing: the end.
  Result<std::optional<Point>> next();

  std::uint64_t entries() const { return entries_; }  ///< about so many, where `from` is not 0
  std::uint64_t entries_done() const { return entries_done_; }
  /// Points that are not valid, by why.
  const std::map<std::string, std::size_t>& refused() const { return refused_; }
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  struct Source {
    std::string stream;
    std::unique_ptr<EntryDecoder> decoder;
    std::string after;  ///< where the next page begins, as XRANGE takes it
    std::string end;
    RedisReply page = {};
    std::size_t at = 0;  ///< of the page
    bool is_done = false;
  };
  RedisRecording(std::unique_ptr<RedisServers> servers, const SchemaOptions& schema);
  Result<void> add_source(std::string stream, std::uint32_t partition, EntryId from);
  Result<void> fill(Source& source);
  Result<Source*> oldest();
  void decode(Source& source);
  Point take(const Mark& mark);

  const std::unique_ptr<RedisServers> servers_;
  Schema schema_;
  IngestStats stats_;
  BatchPool pool_;
  std::vector<Source> sources_;
  std::uint64_t entries_ = 0;
  std::uint64_t entries_done_ = 0;
  std::map<std::string, std::size_t> refused_;
  std::vector<std::string> errors_;
  std::deque<EntryBatch> batches_;  ///< of the entry in hand
  std::size_t batch_ = 0;
  std::size_t point_ = 0;
  std::int64_t written_ns_ = 0;  ///< 0: its id does not tell
  std::string mark_json_;        ///< of the mark in hand
};

}  // namespace slipstream
