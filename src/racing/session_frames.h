#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace slipstream {

/// The newest frames of what a source calls a session, with the session's time of each: what a
/// flashback is worked out by, once for all cars.
/// Frames that were taken back are not among them. Bounded: kMostFrames. One thread.
class SessionFrames {
 public:
  /// Two minutes at 60 Hz: games go back by half a minute.
  static constexpr std::size_t kMostFrames = 8'192;

  void see(std::uint64_t frame, double session_time_s) {
    if (!frames_.empty() && frames_.back().id == frame) return;
    add(frame, session_time_s);
  }
  /// The first frame at that time of the session or later. Nothing: there is none.
  std::optional<std::uint64_t> first_since(double session_time_s) const;
  /// Whether all frames from that time of the session on are known.
  bool reaches(double session_time_s) const;
  /// Those from `from` to `until` did not happen.
  void take_back(std::uint64_t from, std::uint64_t until);
  /// 0: none was seen.
  std::uint64_t newest() const { return newest_; }
  std::size_t size() const { return frames_.size(); }

  template <typename Archive>
  void keep(Archive& archive);

 private:
  struct Frame {
    std::uint64_t id = 0;
    std::int64_t session_us = 0;
  };

  void add(std::uint64_t frame, double session_time_s);

  std::deque<Frame> frames_;  // by id, and so by time
  std::uint64_t newest_ = 0;
  std::uint64_t void_from_ = 1;  // taken back last: what comes of it late is none of the frames
  std::uint64_t void_until_ = 0;
  bool has_dropped_ = false;
};

template <typename Archive>
void SessionFrames::keep(Archive& archive) {
  auto count = static_cast<std::uint64_t>(frames_.size());
  archive(newest_, void_from_, void_until_, has_dropped_, count);
  if constexpr (Archive::kReads) {
    frames_.clear();
    if (count > kMostFrames) return archive.refuse();
  }
  // Frames follow each other evenly: what is left of each is its step's difference from the step
  // before.
  Frame last{};
  std::int64_t session_step = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    Frame frame = Archive::kReads ? Frame{} : frames_[static_cast<std::size_t>(i)];
    std::uint64_t id = frame.id - last.id;
    std::int64_t session = frame.session_us - last.session_us - session_step;
    archive(id, session);
    if constexpr (Archive::kReads) {
      // Of damaged bytes: no session lasts so long.
      constexpr std::int64_t kMostUs = 8'000'000'000'000'000;
      const bool is_far = session > kMostUs || session < -kMostUs;
      if (!archive.ok() || is_far) return archive.refuse();
      frame = {last.id + id, last.session_us + session_step + session};
      const bool is_in_order = frames_.empty() || (frame.id > frames_.back().id &&
                                                   frame.session_us >= frames_.back().session_us);
      if (!is_in_order || frame.session_us > kMostUs || frame.session_us < -kMostUs) {
        return archive.refuse();
      }
      frames_.push_back(frame);
    }
    if (i > 0) session_step = frame.session_us - last.session_us;
    last = frame;
  }
}

}  // namespace slipstream
