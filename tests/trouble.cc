#include "trouble.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace slipstream::crash {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

/// From one end to the other it is less than an Idempotency-Key is kept: what is sent again after
/// longer is another body.
constexpr milliseconds kFarthest = minutes(4);

constexpr std::string_view kUpgrade =
    "GET /ws/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

}  // namespace

void IdleConnections::open(std::uint16_t port, bool is_web_socket) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  static_cast<void>(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
  if (is_web_socket) {
    static_cast<void>(send(fd, kUpgrade.data(), kUpgrade.size(), MSG_NOSIGNAL));
  }
  descriptors_.push_back(fd);
  ++opened_;
}

void IdleConnections::close_all() {
  for (const int fd : descriptors_) close(fd);
  descriptors_.clear();
}

Trouble::Trouble(const std::filesystem::path& directory, std::uint64_t seed)
    : directory_(directory), interposed_(directory / "data"), random_(seed) {}

void Trouble::step_clock() {
  const auto far = static_cast<std::uint64_t>(kFarthest.count());
  wall_offset_ = milliseconds(random_() % (2 * far)) - kFarthest;
  // Small ones, too: what is taken for an interval may be right but for a second.
  if (one_in(3)) wall_offset_ /= 100;
  interposed_.set_wall_offset(wall_offset_);
  ++told_.clock_steps;
}

void Trouble::turn_disk() {
  is_full_ = !is_full_;
  interposed_.set_disk_full(is_full_);
  told_.full_disks += is_full_ ? 1 : 0;
}

void Trouble::round(Senders& senders) {
  ++told_.rounds;
  const bool has_clock = one_in(2);
  const bool has_disk = one_in(2);
  const bool is_scarce = one_in(3);
  const auto descriptors = is_scarce ? static_cast<unsigned>(64 + random_() % 64) : 0U;
  told_.scarce += is_scarce ? 1 : 0;
  if (has_clock && one_in(2)) step_clock();
  IdleConnections idle;
  auto environment = interposed_.environment();
  environment.emplace_back(kSmallBlocks);
  ServerProcess server(directory_, std::move(environment), descriptors);
  const std::uint64_t latest_ms = one_in(4) ? 40 : 900;
  const auto end = std::chrono::steady_clock::now() + milliseconds(5 + random_() % latest_ms);
  bool serves = false;
  while (std::chrono::steady_clock::now() < end) {
    if (!serves && (serves = server.port() != 0)) {
      senders.send_to(server.port());
      ++told_.served;
    }
    if (has_clock && one_in(100)) step_clock();
    if (has_disk && one_in(60)) turn_disk();
    if (serves && is_scarce) {
      idle.open(server.port(), one_in(2));
      if (one_in(200)) idle.close_all();
    }
    std::this_thread::sleep_for(milliseconds(1));
  }
  server.kill();
  senders.send_to(0);
  told_.idle_connections += idle.opened();
  // As often as not it starts on a disk that is still full.
  if (is_full_ && one_in(2)) turn_disk();
}

std::vector<std::string> Trouble::end() {
  if (is_full_) turn_disk();
  told_.refused_for_space = interposed_.refused_for_space();
  return interposed_.environment();
}

}  // namespace slipstream::crash
