#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "game/f1_events.h"
#include "game/f1_frames.h"
#include "game/f1_layout.h"
#include "game/f1_session.h"
#include "game/game_sink.h"
#include "model/game_stats.h"

namespace slipstream::game {

/// What is kept of one sender of F1's packets. All car packets of a frame (session uid and overall
/// frame id) are joined; the frame goes out when it is complete, when the second next begins, or 60
/// ms after its first packet. Frames go out in their order, and marks behind the points of the
/// frame that they belong to. A session begins with its first session packet: what comes before it,
/// or before its drivers are known, is dropped and counted. Bounded: two frames, kMaxCars cars,
/// kMaxMarks marks. One thread.
class F1Sender {
 public:
  static constexpr std::int64_t kWaitNs = 60 * kNsPerMs;
  static constexpr std::size_t kFrames = 2;
  static constexpr std::size_t kMaxMarks = 64;

  F1Sender(std::uint64_t sender, GameStats& stats) : sender_(sender), stats_(stats) {}

  void take(const F1Format& format, std::string_view datagram, ArrivalTime arrival, GameSink& sink);
  std::optional<ArrivalTime> deadline() const;
  void flush(ArrivalTime now, GameSink& sink);

 private:
  struct Waiting {
    std::uint64_t uid;
    std::uint32_t overall_frame;
    Mark mark;
  };

  bool is_of_session(const F1Format& format, const F1Header& header, ArrivalTime arrival,
                     GameSink& sink);
  void begin_session(const F1Format& format, const F1Header& header, ArrivalTime arrival,
                     GameSink& sink);
  void take_session(const PackedReader& packet, const F1Header& header, ArrivalTime arrival,
                    GameSink& sink);
  void take_event(const PackedReader& packet, const F1Header& header, ArrivalTime arrival,
                  GameSink& sink);
  void take_cars(std::size_t kind, std::string_view datagram, const F1Header& header,
                 ArrivalTime arrival, GameSink& sink);
  F1Frame* frame_for(const F1Header& header, ArrivalTime arrival, GameSink& sink);
  void out_with_complete(GameSink& sink);
  void out_with_first(GameSink& sink);
  void tell(const F1Frame& frame, GameSink& sink);
  void tell_car(const F1Frame& frame, std::size_t car, GameSink& sink);
  void tell_rewind(const F1Frame& frame, GameSink& sink);
  void wait_with(const F1Header& header, Mark mark);
  void out_with_marks(std::uint32_t up_to, GameSink& sink);
  Mark mark_of(const F1Header& header, ArrivalTime arrival, std::string_view kind) const;

  const std::uint64_t sender_;
  GameStats& stats_;
  const F1Format* format_ = nullptr;
  F1Session session_;
  F1Rhythm rhythm_;

  std::array<F1Frame, kFrames> frames_;
  std::array<F1Frame*, kFrames> open_{&frames_[0],
                                      &frames_[1]};  ///< the first open_count_, in order
  std::size_t open_count_ = 0;
  std::uint64_t ordinal_ = 0;
  std::optional<std::uint32_t> last_out_;  ///< overall id of the session's newest frame that is out
  std::optional<double> last_time_;        ///< of the session, likewise
  ArrivalTime progress_;                   ///< when a packet last was of no frame that is out
  std::uint32_t begun_frame_ = 0;          ///< overall id of the newest packet of any kind
  ArrivalTime begun_at_;                   ///< and when the first of that id came

  std::uint64_t earlier_uid_ = 0;  ///< of the session before
  ArrivalTime switched_;
  std::string earlier_uid_text_;
  std::string earlier_track_;
  unsigned earlier_type_ = 0;
  std::optional<double> earlier_time_;

  struct Announced {
    std::uint32_t overall_frame;
    double to_time;
  };
  std::optional<Announced> flashback_;  ///< an event told of one that was not seen yet
  std::uint32_t rewound_frame_ = 0;     ///< the first frame after the last one that was
  bool has_rewound_ = false;
  std::deque<Waiting> marks_;
  Cells cells_;
};

}  // namespace slipstream::game
