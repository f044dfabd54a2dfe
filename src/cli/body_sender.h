#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "cli/point_sender.h"

namespace slipstream {

/// Gathers points into bodies for a server of ours. A body is answered before the next one goes.
/// Each has a key of its own: one whose answer was lost, or that the server had no room for, is
/// sent again, and counts once.
class BodySender : public PointSender {
 public:
  static constexpr std::size_t kMaxPoints = 500;
  static constexpr std::chrono::milliseconds kMaxAge{100};
  /// How long one body is tried.
  static constexpr std::chrono::seconds kPatience{60};
  /// Before a lost connection is made again.
  static constexpr std::chrono::milliseconds kReconnectPause{200};

  struct Server {
    std::string host;
    std::uint16_t port = 0;
    std::string token;  ///< empty: it asks for none
  };

  Result<void> send(std::string_view json) final;
  Time flush_due() const final;
  Result<void> flush() final;
  std::uint64_t waiting() const final { return points_; }
  std::uint64_t refused() const final { return refused_; }
  std::string first_refusal() const final { return first_refusal_; }

 protected:
  /// What a server said of a body that it took.
  struct Taken {
    std::uint64_t refused = 0;  ///< of its points
    std::string why = {};
  };
  struct Failure {
    std::string why;
    /// The body is to be sent again after so long; without it there is no use in that.
    std::optional<std::chrono::milliseconds> again_in = {};
  };

  /// `max_bytes`: of a body with more than one point.
  BodySender(Server server, std::size_t max_bytes);

  /// Sends a body and waits for its answer. `lines` is NDJSON; a newline is where a point ends, and
  /// nowhere else.
  virtual std::expected<Taken, Failure> exchange(std::string_view lines,
                                                 const std::string& key) = 0;

  /// Of an answer, for people.
  static std::string message_of(const std::string& answer);
  /// An answer that says how many points it refused; a failure where it says no such thing.
  std::expected<Taken, Failure> taken(const std::string& answer) const;
  /// No answer, for this reason: again soon, but where there has never been a connection.
  Failure lost(std::string_view why) const;
  /// The server, for people.
  std::string where() const;

  const Server server_;
  bool has_connected_ = false;

 private:
  const std::size_t max_bytes_;
  const std::string run_;  ///< makes the keys of this run its own
  std::string lines_;
  std::size_t points_ = 0;
  Time first_at_;  ///< of the body's points
  std::uint64_t bodies_ = 0;
  std::uint64_t refused_ = 0;
  std::string first_refusal_;
};

}  // namespace slipstream
