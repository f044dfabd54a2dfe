#include "game/f1_sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "game/f1_names.h"

namespace slipstream::game {
namespace {

/// Late packets of a session that is over come within it.
constexpr std::int64_t kLateNs = kNsPerSecond;
/// The frame ids of a session that began anew under its old uid.
constexpr std::int64_t kStuckNs = 2 * kNsPerSecond;
/// Marks of a session that never began are dropped after it.
constexpr std::int64_t kMarkNs = 5 * kNsPerSecond;
constexpr double kSameTimeS = 1e-6;

constexpr auto kLapKind = static_cast<std::size_t>(CarPacket::kLap);
constexpr auto kStatusKind = static_cast<std::size_t>(CarPacket::kStatus);

/// Of a lap packet: there is no car, or it does not take part.
constexpr std::uint8_t kInactive = 1;

bool is_over(ArrivalTime since, std::int64_t ns, ArrivalTime now) {
  // A clock that was set back must hold nothing up.
  return now.ns - since.ns >= ns || now.ns < since.ns - kNsPerSecond;
}

}  // namespace

void F1Sender::take(const F1Format& format, std::string_view datagram, ArrivalTime arrival,
                    GameSink& sink) {
  flush(arrival, sink);
  const PackedReader packet(datagram);
  const F1Header header = read_f1_header(packet);
  const auto id = static_cast<F1Packet>(header.packet_id);
  if (header.session_uid == 0) {
    stats_.in_menu.add();
    return;
  }
  if (id == F1Packet::kEvent) {
    take_event(packet, header, arrival, sink);
    return;
  }
  const int kind = car_packet_of(header.packet_id);
  if (kind < 0 && id != F1Packet::kSession && id != F1Packet::kParticipants) {
    if (header.session_uid == session_.uid() && header.overall_frame != begun_frame_) {
      begun_frame_ = header.overall_frame;
      begun_at_ = arrival;
    }
    return;
  }
  if (!is_of_session(format, header, arrival, sink)) return;
  if (header.overall_frame != begun_frame_) {
    begun_frame_ = header.overall_frame;
    begun_at_ = arrival;
  }
  if (id == F1Packet::kSession) {
    take_session(packet, header, arrival, sink);
    out_with_complete(sink);
  } else if (id == F1Packet::kParticipants) {
    session_.take_participants(packet);
    out_with_complete(sink);
  } else {
    take_cars(static_cast<std::size_t>(kind), datagram, header, arrival, sink);
  }
}

std::optional<ArrivalTime> F1Sender::deadline() const {
  std::optional<ArrivalTime> due;
  const auto by = [&due](ArrivalTime since, std::int64_t wait) {
    const ArrivalTime at{since.ns + wait};
    if (!due || at < *due) due = at;
  };
  for (std::size_t i = 0; i < open_count_; ++i) by(open_[i]->first, kWaitNs);
  // Those of a session that is not known yet wait for it, and others for the frames before them.
  if (session_.is_known()) {
    for (const Waiting& one : marks_) {
      const bool is_behind = open_count_ > 0 && one.overall_frame >= open_[0]->header.overall_frame;
      if (one.uid == session_.uid() && !is_behind) by(one.mark.arrival, kWaitNs);
    }
  }
  return due;
}

void F1Sender::flush(ArrivalTime now, GameSink& sink) {
  while (open_count_ > 0 && is_over(open_[0]->first, kWaitNs, now)) out_with_first(sink);
  out_with_complete(sink);
  std::optional<std::uint32_t> up_to;
  for (const Waiting& one : marks_) {
    if (one.uid != session_.uid() || !is_over(one.mark.arrival, kWaitNs, now)) continue;
    // Frames that are open are not overtaken.
    if (open_count_ > 0 && one.overall_frame >= open_[0]->header.overall_frame) continue;
    up_to = std::max(up_to.value_or(0), one.overall_frame);
  }
  if (up_to) out_with_marks(*up_to, sink);
  std::erase_if(marks_, [&](const Waiting& one) {
    if (one.uid == session_.uid() && session_.is_known()) return false;
    const bool is_old = is_over(one.mark.arrival, kMarkNs, now);
    if (is_old) stats_.marks_dropped.add();
    return is_old;
  });
}

bool F1Sender::is_of_session(const F1Format& format, const F1Header& header, ArrivalTime arrival,
                             GameSink& sink) {
  if (header.session_uid == session_.uid() && &format == format_) return true;
  if (header.session_uid == earlier_uid_ && !is_over(switched_, kLateNs, arrival)) {
    stats_.late.add();
    return false;
  }
  begin_session(format, header, arrival, sink);
  return true;
}

void F1Sender::begin_session(const F1Format& format, const F1Header& header, ArrivalTime arrival,
                             GameSink& sink) {
  while (open_count_ > 0) out_with_first(sink);
  out_with_marks(std::numeric_limits<std::uint32_t>::max(), sink);
  if (session_.is_known()) {
    earlier_uid_text_ = session_.uid_text();
    earlier_track_ = session_.track();
    earlier_type_ = session_.type();
    earlier_time_ = last_time_;
  }
  earlier_uid_ = session_.uid();
  switched_ = arrival;
  format_ = &format;
  session_ = F1Session(format, header.session_uid, arrival);
  last_out_.reset();
  last_time_.reset();
  flashback_.reset();
  has_rewound_ = false;
  progress_ = arrival;
  begun_frame_ = header.overall_frame;
  begun_at_ = arrival;
}

void F1Sender::take_session(const PackedReader& packet, const F1Header& header, ArrivalTime arrival,
                            GameSink& sink) {
  const bool was_known = session_.is_known();
  for (auto& change : session_.take_session(packet)) {
    Mark mark = mark_of(header, arrival, change.kind);
    mark.text = std::move(change.text);
    wait_with(header, std::move(mark));
  }
  if (was_known) return;
  Mark begun = mark_of(header, arrival, "session");
  begun.text = session_.title();
  sink.mark(std::move(begun));
  // A save that was loaded: a new uid that goes on where the one before was, or a little earlier.
  constexpr double kStartS = 1;
  const bool goes_on = earlier_time_ && header.session_time > kStartS &&
                       header.session_time <= *earlier_time_ + kStartS &&
                       earlier_track_ == session_.track() && earlier_type_ == session_.type();
  if (!goes_on) return;
  Mark reload = mark_of(header, arrival, "save_reload");
  reload.goes_on_from = earlier_uid_text_;
  reload.to_session_time_s = header.session_time;
  reload.text = fmt::format("goes on from {:.1f} s", header.session_time);
  sink.mark(std::move(reload));
}

void F1Sender::take_event(const PackedReader& packet, const F1Header& header, ArrivalTime arrival,
                          GameSink& sink) {
  // Of a session that has not begun the drivers are not known yet.
  static const F1Session kNone;
  const bool is_current = header.session_uid == session_.uid();
  const F1Event event = read_f1_event(packet, is_current ? session_ : kNone);
  if (event.to_time) {
    const bool is_seen = has_rewound_ && header.overall_frame <= rewound_frame_;
    if (is_current && !is_seen && *event.to_time == *event.to_time) {
      flashback_ = {header.overall_frame, *event.to_time};
    }
    return;
  }
  if (event.kind.empty()) return;
  if (is_current && header.overall_frame > begun_frame_) {
    begun_frame_ = header.overall_frame;
    begun_at_ = arrival;
  }
  Mark mark = mark_of(header, arrival, event.kind);
  mark.chassis = event.driver;
  mark.text = event.text;
  wait_with(header, std::move(mark));
  if (open_count_ == 0 && last_out_ && is_current) {
    out_with_marks(*last_out_, sink);
  }
}

void F1Sender::take_cars(std::size_t kind, std::string_view datagram, const F1Header& header,
                         ArrivalTime arrival, GameSink& sink) {
  F1Frame* frame = frame_for(header, arrival, sink);
  if (frame == nullptr || frame->sizes[kind] != 0) {
    stats_.late.add();
    if (frame == nullptr) rhythm_.has_come(kind, ordinal_ - open_count_);
    return;
  }
  CHECK(datagram.size() <= F1Frame::kMaxBytes, "the sizes of the format's packets are smaller");
  frame->put(kind, datagram);
  frame->last = arrival;
  progress_ = arrival;
  out_with_complete(sink);
}

/// The frame of this packet, opened where it is new; nullptr where it is out.
F1Frame* F1Sender::frame_for(const F1Header& header, ArrivalTime arrival, GameSink& sink) {
  const std::uint32_t id = header.overall_frame;
  if (last_out_ && id <= *last_out_) {
    if (!is_over(progress_, kStuckNs, arrival)) return nullptr;
    while (open_count_ > 0) out_with_first(sink);
    last_out_.reset();
  }
  for (std::size_t i = 0; i < open_count_; ++i) {
    if (open_[i]->header.overall_frame == id) return open_[i];
  }
  if (open_count_ == kFrames) {
    if (id < open_[0]->header.overall_frame) return nullptr;
    out_with_first(sink);
  }
  F1Frame& frame = *open_[open_count_++];
  frame.header = header;
  frame.first = begun_frame_ == id ? begun_at_ : arrival;
  frame.ordinal = ++ordinal_;
  frame.sizes.fill(0);
  if (open_count_ == kFrames && id < open_[0]->header.overall_frame) {
    std::swap(open_[0], open_[1]);
    std::swap(open_[0]->ordinal, open_[1]->ordinal);
  }
  return &frame;
}

void F1Sender::out_with_complete(GameSink& sink) {
  // What a new session and its drivers are called may stand behind the cars of its first frame.
  while (open_count_ > 0 && session_.is_known() && session_.has_names(open_[0]->last) &&
         rhythm_.is_complete(*open_[0])) {
    out_with_first(sink);
  }
}

void F1Sender::out_with_first(GameSink& sink) {
  CHECK(open_count_ > 0, "whoever asks has looked");
  F1Frame& frame = *open_[0];
  std::swap(open_[0], open_[1]);
  --open_count_;
  for (std::size_t kind = 0; kind < kCarPackets; ++kind) {
    if (frame.sizes[kind] != 0) rhythm_.has_come(kind, frame.ordinal);
  }
  if (frame.header.overall_frame > 0) out_with_marks(frame.header.overall_frame - 1, sink);
  tell(frame, sink);
  last_out_ = frame.header.overall_frame;
  out_with_marks(frame.header.overall_frame, sink);
}

void F1Sender::tell(const F1Frame& frame, GameSink& sink) {
  if (!session_.is_known() || !session_.has_names(frame.last)) {
    stats_.waiting.add();
    return;
  }
  const double time = frame.header.session_time;
  if (last_time_ && time < *last_time_ - kSameTimeS) {
    tell_rewind(frame, sink);
  } else if (flashback_ && frame.header.overall_frame > flashback_->overall_frame) {
    flashback_.reset();
  }
  if (time == time) last_time_ = time;
  if (!frame.has(CarPacket::kLap)) {
    stats_.without_lap.add();
    return;
  }
  for (std::size_t car = 0; car < format_->cars; ++car) tell_car(frame, car, sink);
}

/// The session's clock went back: all from there on did not happen. The event that tells so may be
/// lost, and may come before the rewind or behind it.
void F1Sender::tell_rewind(const F1Frame& frame, GameSink& sink) {
  double to = frame.header.session_time;
  if (flashback_) to = std::min(to, std::exchange(flashback_, std::nullopt)->to_time);
  Mark mark = mark_of(frame.header, frame.first, "flashback");
  mark.to_session_time_s = to;
  mark.text = fmt::format("from {:.1f} s back to {:.1f} s", *last_time_, to);
  sink.mark(std::move(mark));
  has_rewound_ = true;
  rewound_frame_ = frame.header.overall_frame;
}

void F1Sender::tell_car(const F1Frame& frame, std::size_t car, GameSink& sink) {
  const PackedReader lap = frame.packet(kLapKind);
  if (lap.u8(format_->blocks[kLapKind].at(car) + format_->result_status) <= kInactive) return;
  const auto restricted = session_.is_restricted(car, frame.header);
  cells_.clear();
  cells_.add(column_of("frame"), frame.header.overall_frame);
  cells_.add(column_of("session_time_s"), frame.header.session_time);
  for (std::size_t kind = 0; kind < kCarPackets; ++kind) {
    if (frame.sizes[kind] == 0) continue;
    const Block& block = format_->blocks[kind];
    cells_.read(frame.packet(kind), block.at(car), block.stride, block.rows,
                restricted.value_or(false));
  }
  std::string compound;
  std::array<TextCell, 1> texts;
  std::size_t text_count = 0;
  if (frame.has(CarPacket::kStatus)) {
    const std::size_t at = format_->blocks[kStatusKind].at(car) + format_->visual_compound;
    compound = f1_compound(frame.packet(kStatusKind).u8(at));
    texts[text_count++] = {"tyre_compound", compound};
  }
  sink.point({.time = {frame.first.ns},
              .arrival = frame.last,
              .sender = sender_,
              .track = session_.track(),
              .chassis = session_.driver(car),
              .source_game = format_->source_game,
              .session = session_.uid_text(),
              .is_restricted = restricted,
              .numbers = cells_.all(),
              .texts = std::span(texts).first(text_count)});
}

void F1Sender::wait_with(const F1Header& header, Mark mark) {
  if (marks_.size() == kMaxMarks) {
    marks_.pop_front();
    stats_.marks_dropped.add();
  }
  marks_.push_back({header.session_uid, header.overall_frame, std::move(mark)});
}

/// Those of the session whose frames are no later. Their track and session are known by now.
void F1Sender::out_with_marks(std::uint32_t up_to, GameSink& sink) {
  if (marks_.empty() || !session_.is_known()) return;
  const auto is_due = [&](const Waiting& one) {
    return one.uid == session_.uid() && one.overall_frame <= up_to;
  };
  for (Waiting& one : marks_) {
    if (!is_due(one)) continue;
    one.mark.track = session_.track();
    one.mark.session = session_.uid_text();
    sink.mark(one.mark);
  }
  std::erase_if(marks_, is_due);
}

Mark F1Sender::mark_of(const F1Header& header, ArrivalTime arrival, std::string_view kind) const {
  Mark mark{.time = {arrival.ns},
            .arrival = arrival,
            .track = session_.track(),
            .session = session_.uid_text(),
            .chassis = {},
            .kind = std::string(kind),
            .text = {},
            .session_time_s = {},
            .frame = header.overall_frame,
            .to_session_time_s = {},
            .goes_on_from = {}};
  const double time = header.session_time;
  if (time - time == 0) mark.session_time_s = time;
  return mark;
}

}  // namespace slipstream::game
