#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/counters.h"
#include "base/error.h"
#include "net/endpoint.h"
#include "source/relay_options.h"

namespace slipstream {

/// Why a datagram was not sent on.
enum class RelayDrop : std::uint8_t {
  kLimit,        ///< beyond what a target gets a second
  kFull,         ///< the system has no room for what is sent
  kRefused,      ///< nobody listens there, by the answer to an earlier one
  kUnreachable,  ///< no way there, or none that is allowed
  kTooLarge,     ///< for a datagram to there
  kUnresolved,   ///< nobody knows its name yet
};
/// As metrics and health call them.
inline constexpr std::array<std::string_view, 6> kRelayDropNames = {
    "limit", "buffer_full", "refused", "unreachable", "too_large", "unresolved"};

/// Whom the datagrams of a UDP source are sent on to, with what became of them: each was sent or
/// dropped. "Sent" says that the system took it; UDP knows no more.
/// Threads: any; admit() locks, once for many datagrams.
class RelayTarget {
 public:
  static constexpr std::int64_t kTroubleNs = 10 * kNsPerSecond;

  /// Finds the host, which may wait for name servers.
  static Result<std::unique_ptr<RelayTarget>> open(RelayTargetOptions options);
  /// One whose host is not known yet, for that reason: what comes is dropped until it is settled.
  /// Errors: no HOST:PORT.
  static Result<std::unique_ptr<RelayTarget>> unresolved(RelayTargetOptions options,
                                                         std::string why);

  const std::string& to() const { return options_.to; }
  /// Nothing: not known yet.
  std::optional<Endpoint> endpoint() const;
  /// Its host is known now, or still is not, for that reason.
  void settle(const Endpoint& endpoint);
  void still_unresolved(std::string why);

  /// How many of so many datagrams may still go in this second: the first ones.
  std::size_t admit(std::size_t datagrams, SteadyTime now);
  /// Whether this second's are spent, or the last one's were.
  bool is_at_limit(SteadyTime now) const;

  void sent(std::size_t datagrams) { sent_.add(datagrams); }
  void dropped(RelayDrop why, std::size_t datagrams, SteadyTime now);

  std::uint64_t sent_in_all() const { return sent_.value(); }
  std::uint64_t dropped_in_all() const;
  std::uint64_t dropped_by(RelayDrop why) const {
    return dropped_[static_cast<std::size_t>(why)].value();
  }
  /// What has kept datagrams from it within kTroubleNs; empty: nothing.
  std::string trouble(SteadyTime now) const;

 private:
  explicit RelayTarget(RelayTargetOptions options) : options_(std::move(options)) {}

  const RelayTargetOptions options_;
  Counter sent_;
  std::array<Counter, kRelayDropNames.size()> dropped_;
  std::atomic<std::int64_t> last_drop_ns_{kNever.ns};  ///< steady
  std::atomic<RelayDrop> last_drop_{};
  std::atomic<std::int64_t> last_limit_ns_{kNever.ns};
  mutable std::mutex mutex_;  // guards all below
  std::optional<Endpoint> endpoint_;
  std::string why_unresolved_;
  SteadyTime second_began_ = kNever;
  std::size_t left_ = 0;  ///< of this second
};

using RelayTargets = std::vector<std::unique_ptr<RelayTarget>>;

}  // namespace slipstream
