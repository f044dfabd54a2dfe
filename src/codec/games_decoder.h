#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "codec/decoder.h"
#include "codec/draft_filler.h"
#include "codec/row_json.h"
#include "game/acc_decoder.h"
#include "game/games.h"

namespace slipstream {

/// Points and marks from the datagrams of a game, or of several that are told apart. Several
/// datagrams may tell of one frame: a point comes of the last of them, or of flush(). One thread.
class GameDecoding : public Decoder, private game::GameSink {
 public:
  std::size_t decode(std::string_view bytes, const TextOrigin& origin,
                     RejectionSink& rejections) override;
  bool needs_order(std::string_view, const TextOrigin&) const override { return true; }
  bool kept_last() const override { return kept_last_; }
  std::optional<ArrivalTime> deadline() const override { return game_.deadline(); }
  std::size_t flush(ArrivalTime now, RejectionSink& rejections) override;

 protected:
  explicit GameDecoding(DraftFiller& filler, game::GameDecoder& game)
      : filler_(filler), game_(game) {}

 private:
  void point(const game::GamePoint& point) override;
  void mark(Mark mark) override { filler_.builder().mark(mark); }
  DraftFiller::Outcome fill(const game::GamePoint& point);
  void learn_columns();

  DraftFiller& filler_;
  game::GameDecoder& game_;
  std::vector<Member> columns_;  ///< by ColumnId; empty before the first point
  RowJson json_;                 ///< of the point
  SourceKind source_ = SourceKind::kUdp;
  RejectionSink* rejections_ = nullptr;  ///< of the call in hand
  std::size_t points_ = 0;               ///< likewise
  bool kept_last_ = false;
};

/// Of all games whose datagrams are told by their bytes.
class GamesDecoder final : public GameDecoding {
 public:
  explicit GamesDecoder(DraftFiller& filler)
      : GameDecoding(filler, games_), games_(filler.builder().stats().games) {}

 private:
  game::Games games_;
};

/// Of Assetto Corsa Competizione, whose messages begin as those of others may.
class AccPointDecoder final : public GameDecoding {
 public:
  explicit AccPointDecoder(DraftFiller& filler)
      : GameDecoding(filler, acc_), acc_(filler.builder().stats().games) {}

 private:
  game::AccDecoder acc_;
};

}  // namespace slipstream
