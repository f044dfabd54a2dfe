#include "source/answered_keys.h"

namespace slipstream {

const AnsweredKeys::Answer* AnsweredKeys::find(std::string_view key, SteadyTime now) {
  forget(now);
  const auto found = answers_.find(std::string(key));
  return found == answers_.end() ? nullptr : &found->second;
}

void AnsweredKeys::add(const AnsweredKey& answered, LogOffset offset, SteadyTime when) {
  forget(when);
  const auto [at, added] =
      answers_.try_emplace(answered.key, Answer{answered.status, answered.answer, offset});
  if (added) by_age_.emplace_back(when, answered.key);
}

void AnsweredKeys::forget(SteadyTime now) {
  while (!by_age_.empty() &&
         (by_age_.size() > max_keys_ || now - by_age_.front().first > AnsweredKey::kKeptNs)) {
    answers_.erase(by_age_.front().second);
    by_age_.pop_front();
  }
}

}  // namespace slipstream
