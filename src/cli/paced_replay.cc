#include "cli/paced_replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "cli/cli.h"

namespace slipstream {
namespace {

using std::chrono::steady_clock;

std::string listed(const Unreadable& unreadable) {
  std::string out;
  for (const auto& [reason, count] : unreadable) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, reason);
  }
  return out;
}

std::size_t sum(const Unreadable& unreadable) {
  std::size_t count = 0;
  for (const auto& [reason, n] : unreadable) count += n;
  return count;
}

}  // namespace

Result<void> PacedReplay::send(std::int64_t pace_ns, std::string_view json, std::size_t done) {
  if (auto waited = wait(pace_ns, done); !waited) return waited;
  ++points_;
  if (auto sent = sender_.send(json); !sent) return sent;
  bar_.show(done + 1);
  return {};
}

Result<void> PacedReplay::send_mark(std::int64_t pace_ns, std::string_view json, std::size_t done) {
  if (auto waited = wait(pace_ns, done); !waited) return waited;
  ++marks_;
  if (auto sent = sender_.send_mark(json); !sent) return sent;
  bar_.show(done + 1);
  return {};
}

Result<void> PacedReplay::wait(std::int64_t pace_ns, std::size_t done) {
  if (speed_ <= 0) return {};
  if (!first_ns_) first_ns_ = pace_ns;
  // As floating point, since times that are centuries apart are no overflow there.
  constexpr double kFarNs = 4e18;
  const double offset_ns =
      (static_cast<double>(pace_ns) - static_cast<double>(*first_ns_)) / speed_;
  const auto due = began_ + std::chrono::nanoseconds(
                                static_cast<std::int64_t>(std::clamp(offset_ns, -kFarNs, kFarNs)));
  for (auto now = steady_clock::now(); now < due; now = steady_clock::now()) {
    if (now >= sender_.flush_due()) {
      if (auto flushed = sender_.flush(); !flushed) return flushed;
    }
    bar_.show(done);
    std::this_thread::sleep_until(
        std::min({due, sender_.flush_due(), now + ProgressBar::kRefresh}));
  }
  return {};
}

Result<void> PacedReplay::finish(std::size_t done) {
  auto flushed = sender_.flush();
  bar_.finish(done);
  return flushed;
}

double PacedReplay::seconds() const {
  return std::chrono::duration<double>(steady_clock::now() - began_).count();
}

int finish_replay(PacedReplay& replay, const PointSender& sender, Result<void> outcome,
                  std::size_t done, const ReplayOptions& options, const Unreadable& unreadable,
                  std::string_view items) {
  constexpr std::string_view kReplay = "replay";
  if (auto finished = replay.finish(done); outcome) outcome = finished;
  if (!outcome) {
    return tell_failure(
        kReplay, {fmt::format("after {} {}: {}", replay.points(), items, outcome.error().message)});
  }
  const std::string marks =
      replay.marks() > 0 ? fmt::format(" and {} marks", replay.marks()) : std::string();
  fmt::print("{} {}{} sent to {} in {:.2f} s, {} refused\n", replay.points(), items, marks,
             options.to, replay.seconds(), sum(unreadable) + sender.refused());
  if (const auto said = sender.outcome(); !said.empty()) fmt::print(stderr, "{}\n", said);
  if (sender.refused() > 0) {
    const auto first = sender.first_refusal();
    return tell_failure(kReplay, {fmt::format("the server did not take {} {}{}{}", sender.refused(),
                                              items, first.empty() ? "" : "; the first: ", first)});
  }
  if (unreadable.empty()) return kExitSuccess;
  return tell_failure(kReplay, {fmt::format("{} holds points that were refused and not sent: {}",
                                            options.source, listed(unreadable))});
}

}  // namespace slipstream
