#include "source/rejection_log.h"

namespace slipstream {
namespace {
constexpr std::int64_t kMinuteNs = 60 * kNsPerSecond;
}

bool RejectionLog::take_line(const Address& address, SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  begin_minute_if_due(now);
  if (taken_ < kLinesPerMinute) {
    ++taken_;
    return true;
  }
  count_left_out(address);
  return false;
}

void RejectionLog::leave_out(const Address& address, SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  begin_minute_if_due(now);
  count_left_out(address);
}

void RejectionLog::tell(SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  if (now - minute_began_ >= kMinuteNs) tell_left_out();
}

void RejectionLog::finish() {
  const std::scoped_lock lock(mutex_);
  tell_left_out();
}

void RejectionLog::begin_minute_if_due(SteadyTime now) {
  if (now - minute_began_ < kMinuteNs) return;
  tell_left_out();
  minute_began_ = now;
  taken_ = 0;
}

void RejectionLog::count_left_out(const Address& address) {
  not_logged_.add();
  ++left_out_;
  const Address sender = address.sender();
  if (addresses_.size() < kMaxCounted) {
    addresses_.insert(sender);
  } else if (!are_more_addresses_) {
    are_more_addresses_ = !addresses_.contains(sender);
  }
}

void RejectionLog::tell_left_out() {
  if (left_out_ == 0) return;
  if (lines_.left_out) {
    lines_.left_out(
        {.refusals = left_out_, .addresses = addresses_.size(), .are_more = are_more_addresses_});
  }
  left_out_ = 0;
  addresses_.clear();
  are_more_addresses_ = false;
}

}  // namespace slipstream
