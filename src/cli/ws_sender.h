#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "cli/body_sender.h"

namespace slipstream {

/// Publishes points on a server's WebSocket and asks it to send none of its own. A body is one
/// `publish`, its key the `id`. Connects when the first body goes.
class WsSender final : public BodySender {
 public:
  /// A message is 1 MiB at most, and holds more than the points.
  static constexpr std::size_t kMaxBytes = (std::size_t{1} << 20) - 1024;

  /// `path`: as the server's WS_PATH.
  WsSender(Server server, std::string path);
  ~WsSender() override;

 private:
  struct Connection;

  std::expected<Taken, Failure> exchange(std::string_view lines, const std::string& key) override;
  std::expected<void, Failure> open();
  /// The next message that answers `key`.
  std::expected<std::string, Failure> answer_to(const std::string& key);
  /// Ends the connection, for this reason; there is a new one at the next body.
  Failure drop(std::string_view why);

  const std::string path_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace slipstream
