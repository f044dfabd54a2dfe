#include "racing/session_frames.h"

#include <algorithm>
#include <cmath>

namespace slipstream {
namespace {

/// Times of a session that a game tells again are equal but for their rounding.
constexpr std::int64_t kSameTimeUs = 1;
/// Beyond, a double has no microseconds; nor has a session.
constexpr double kLongestSessionS = 1e9;

std::int64_t microseconds_of(double seconds) {
  return std::llround(std::clamp(seconds, -kLongestSessionS, kLongestSessionS) * 1e6);
}

}  // namespace

void SessionFrames::add(std::uint64_t frame, double session_time_s) {
  if (!std::isfinite(session_time_s) || (frame >= void_from_ && frame <= void_until_)) return;
  newest_ = std::max(newest_, frame);
  const Frame added{frame, microseconds_of(session_time_s)};
  const bool is_newest = frames_.empty() || frames_.back().id < frame;
  const auto place =
      is_newest ? frames_.end() : std::ranges::lower_bound(frames_, frame, {}, &Frame::id);
  if (place != frames_.end() && place->id == frame) return;
  // What would break the order of times is of what was taken back, or no session's clock.
  if (place != frames_.begin() && (place - 1)->session_us > added.session_us) return;
  if (place != frames_.end() && place->session_us < added.session_us) return;
  if (place == frames_.begin() && has_dropped_) return;
  frames_.insert(place, added);
  if (frames_.size() > kMostFrames) {
    frames_.pop_front();
    has_dropped_ = true;
  }
}

std::optional<std::uint64_t> SessionFrames::first_since(double session_time_s) const {
  const std::int64_t since = microseconds_of(session_time_s) - kSameTimeUs;
  const auto first = std::ranges::lower_bound(frames_, since, {}, &Frame::session_us);
  return first == frames_.end() ? std::nullopt : std::optional(first->id);
}

bool SessionFrames::reaches(double session_time_s) const {
  return !has_dropped_ ||
         (!frames_.empty() && frames_.front().session_us < microseconds_of(session_time_s));
}

void SessionFrames::take_back(std::uint64_t from, std::uint64_t until) {
  void_from_ = from;
  void_until_ = until;
  const auto first = std::ranges::lower_bound(frames_, from, {}, &Frame::id);
  frames_.erase(first, frames_.end());
}

}  // namespace slipstream
