#include "cli/udp_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace slipstream {

Result<void> UdpCheck::begin() {
  auto asked = ask();
  before_ = now_;
  return asked;
}

Result<void> UdpCheck::ask() {
  auto counts = server_.ask();
  if (!counts) return std::unexpected(counts.error());
  now_ = *counts;
  return {};
}

Result<void> UdpCheck::after(std::uint64_t sent) {
  if (on_their_way(sent) < most_on_their_way()) return {};
  return wait_until_at_most(sent, most_on_their_way() / 2);
}

Result<void> UdpCheck::wait_until_at_most(std::uint64_t sent, std::uint64_t most) {
  auto last = std::chrono::steady_clock::now();
  std::uint64_t before = on_their_way(sent);
  while (true) {
    if (auto asked = ask(); !asked) return asked;
    const std::uint64_t left = on_their_way(sent);
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

UdpCounts UdpCheck::since() const {
  return {.datagrams = now_.datagrams - before_.datagrams,
          .accepted = now_.accepted - before_.accepted,
          .rejected = now_.rejected - before_.rejected,
          .kernel_drops = now_.kernel_drops - before_.kernel_drops};
}

std::uint64_t UdpCheck::accounted_for() const {
  const UdpCounts counted = since();
  const std::uint64_t taken =
      items_ == Items::kPoints ? counted.accepted + counted.rejected : counted.datagrams;
  return taken + counted.kernel_drops;
}

std::uint64_t UdpCheck::on_their_way(std::uint64_t sent) const {
  return sent - std::min(sent, accounted_for() + given_up_);
}

std::uint64_t UdpCheck::missing(std::uint64_t sent) const {
  return sent - std::min(sent, accounted_for());
}

std::uint64_t UdpCheck::refused(std::uint64_t sent) const {
  return since().rejected + since().kernel_drops + missing(sent);
}

std::string UdpCheck::outcome(std::uint64_t sent) const {
  const UdpCounts counted = since();
  return items_ == Items::kPoints
             ? fmt::format(
                   "the server counted {} accepted and {} rejected, the kernel dropped {}, "
                   "{} did not come",
                   counted.accepted, counted.rejected, counted.kernel_drops, missing(sent))
             : fmt::format(
                   "the server counted {} datagrams, with {} points accepted and {} "
                   "rejected, the kernel dropped {}, {} did not come",
                   counted.datagrams, counted.accepted, counted.rejected, counted.kernel_drops,
                   missing(sent));
}

}  // namespace slipstream
