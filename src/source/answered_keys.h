#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "model/outputs.h"

namespace slipstream {

/// The answers given to bodies with an Idempotency-Key, for ten minutes. Bounded: beyond `max_keys`
/// the oldest are forgotten early. One thread.
class AnsweredKeys {
 public:
  static constexpr std::size_t kMaxKeyBytes = 255;

  explicit AnsweredKeys(std::size_t max_keys = AnsweredKey::kMostKept) : max_keys_(max_keys) {}

  struct Answer {
    std::uint16_t status;
    std::string body;
    LogOffset offset;  ///< to be durable before it may be given again
  };
  /// Valid until the next call.
  const Answer* find(std::string_view key, SteadyTime now);
  /// `when`: it was answered.
  void add(const AnsweredKey& answered, LogOffset offset, SteadyTime when);

 private:
  void forget(SteadyTime now);

  const std::size_t max_keys_;
  boost::unordered_flat_map<std::string, Answer> answers_;
  std::deque<std::pair<SteadyTime, std::string>> by_age_;
};

}  // namespace slipstream
