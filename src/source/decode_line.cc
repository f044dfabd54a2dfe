#include "source/decode_line.h"

#include "base/check.h"

namespace slipstream {

DecodeLine::Piece* DecodeLine::spare() {
  const std::lock_guard lock(mutex_);
  if (next_ - first_ == kPlaces) return nullptr;
  auto& piece = place(next_);
  if (!piece) piece = std::make_unique<Piece>();
  return piece.get();
}

void DecodeLine::add() {
  const std::lock_guard lock(mutex_);
  CHECK(next_ - first_ < kPlaces, "only what is spare is received into");
  place(next_)->number = next_;
  ++next_;
}

bool DecodeLine::is_first_decoded_locked() const {
  return first_ < next_ && pieces_[first_ % kPlaces]->is_decoded;
}

void DecodeLine::decoded(Piece& piece) {
  std::unique_lock lock(mutex_);
  piece.is_decoded = true;
  if (is_handing_over_) return;
  is_handing_over_ = true;
  while (is_first_decoded_locked()) {
    Piece& first = *place(first_);
    lock.unlock();
    hand_over(parts_, first.decoded);
    lock.lock();
    first.is_decoded = false;
    ++first_;
    handed_over_.notify();
  }
  is_handing_over_ = false;
}

bool DecodeLine::is_empty() const {
  const std::lock_guard lock(mutex_);
  return first_ == next_;
}

void DecodeLine::wait() {
  constexpr std::chrono::milliseconds kMoment(20);
  handed_over_.wait_for(kMoment);
}

void DecodeLine::shed() {
  const std::lock_guard lock(mutex_);
  CHECK(first_ == next_, "what is on its way has its buffers");
  for (auto& piece : pieces_) piece.reset();
}

}  // namespace slipstream
