#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/decoder.h"
#include "codec/draft_filler.h"
#include "model/sinks.h"

namespace slipstream {

/// Points that were not sent, by why.
using Unreadable = std::map<std::string, std::size_t>;

/// Counts what of a recording is refused, by why, and keeps the first ten refusals as lines for a
/// person.
class RefusalCounts final : public RejectionSink {
 public:
  void rejected(std::size_t, const Rejection& rejection, std::string_view sample) override {
    add(rejection, "", sample);
  }
  /// `where`: in the recording; empty: nobody can say. Beyond a hundred kinds of (reason, where)
  /// they are counted by reason alone.
  void add(const Rejection& rejection, std::string_view where, std::string_view sample);

  const Unreadable& counts() const { return counts_; }
  /// On stderr, a line each.
  void print() const;

 private:
  Unreadable counts_;
  std::vector<std::string> lines_;
};

/// Decodes the pieces of a recording one after the other as a server would, whatever the time is
/// now, and gives the JSON of their points and marks, in their order. One thread.
class RecordingDecoder final : private MarkSink {
 public:
  using Make = std::function<std::unique_ptr<Decoder>(DraftFiller& filler)>;
  using Take = std::function<Result<void>(std::string_view json, bool is_mark)>;

  explicit RecordingDecoder(const Make& make);

  /// With Decoder::kPadding readable bytes behind `bytes`. Returns how many points they held,
  /// refused ones included.
  std::size_t decode(std::string_view bytes, const TextOrigin& origin, RejectionSink& rejections);
  /// Points that wait for more pieces go out without them where they are due then.
  void flush(ArrivalTime now, RejectionSink& rejections);
  /// Calls with each point and mark since the last call. Errors: those of `take`, whereupon the
  /// rest is dropped.
  Result<void> give(const Take& take);
  void drop();

 private:
  void accept(const Mark& mark) override;

  static SchemaOptions names();

  Schema schema_{names()};
  IngestStats stats_;
  BatchPool pool_;
  BatchWriter writer_{1, pool_};
  PointBuilder builder_{schema_, stats_, writer_};
  DraftFiller filler_{builder_};
  const std::unique_ptr<Decoder> decoder_;
  std::vector<MarkAmong> marks_;
};

}  // namespace slipstream
