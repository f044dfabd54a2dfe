#include "cli/udp_points.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace slipstream {

Result<void> UdpPoints::check_by(BodySender::Server server) {
  server_.emplace(std::move(server));
  auto asked = ask();
  before_ = now_;
  return asked;
}

Result<void> UdpPoints::ask() {
  auto counts = server_->ask();
  if (!counts) return std::unexpected(counts.error());
  now_ = *counts;
  return {};
}

Result<void> UdpPoints::send(std::string_view json) {
  if (auto sent = sender_.send(json); !sent) {
    ++failed_;
    return sent;
  }
  ++sent_;
  if (!server_ || on_their_way() < kMostOnTheirWay) return {};
  return wait_until_at_most(kMostOnTheirWay / 2);
}

Result<void> UdpPoints::flush() {
  return server_ ? wait_until_at_most(0) : Result<void>{};
}

Result<void> UdpPoints::wait_until_at_most(std::uint64_t most) {
  auto last = std::chrono::steady_clock::now();
  std::uint64_t before = on_their_way();
  while (true) {
    if (auto asked = ask(); !asked) return asked;
    const std::uint64_t left = on_their_way();
    const auto now = std::chrono::steady_clock::now();
    if (left < before) last = now;
    before = left;
    if (left <= most) return {};
    if (now - last >= kPatience) {
      // What does not come any more is lost on the way: it holds up nothing.
      given_up_ += left;
      return {};
    }
    std::this_thread::sleep_for(kBetween);
  }
}

UdpCounts UdpPoints::since() const {
  return {.accepted = now_.accepted - before_.accepted,
          .rejected = now_.rejected - before_.rejected,
          .kernel_drops = now_.kernel_drops - before_.kernel_drops};
}

std::uint64_t UdpPoints::accounted_for() const {
  const UdpCounts counted = since();
  return counted.accepted + counted.rejected + counted.kernel_drops;
}

std::uint64_t UdpPoints::on_their_way() const {
  return sent_ - std::min(sent_, accounted_for() + given_up_);
}

std::uint64_t UdpPoints::missing() const {
  return sent_ - std::min(sent_, accounted_for());
}

std::uint64_t UdpPoints::refused() const {
  return server_ ? since().rejected + since().kernel_drops + missing() : 0;
}

std::string UdpPoints::outcome() const {
  if (!server_) {
    return "by UDP nobody answers: --check http://HOST:PORT asks the server what came of them";
  }
  const UdpCounts counted = since();
  return fmt::format(
      "the server counted {} accepted and {} rejected, the kernel dropped {}, {} did not come",
      counted.accepted, counted.rejected, counted.kernel_drops, missing());
}

}  // namespace slipstream
