#include "cli/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace slipstream {

using std::chrono::steady_clock;

ProgressBar::ProgressBar(std::string title, std::size_t total, Unit unit)
    : title_(std::move(title)),
      total_(total),
      unit_(unit),
      is_terminal_(isatty(STDERR_FILENO) == 1),
      began_(steady_clock::now()) {}

void ProgressBar::show(std::size_t done) {
  if (!is_terminal_ || steady_clock::now() - drawn_ < kRefresh) return;
  draw(done);
}

void ProgressBar::finish(std::size_t done) {
  if (!is_terminal_) return;
  draw(done);
  fmt::print(stderr, "\n");
}

std::string ProgressBar::amount(double number) const {
  constexpr double kMiB = 1 << 20;
  return unit_ == Unit::kBytes ? fmt::format("{:.1f} MiB", number / kMiB)
                               : fmt::format("{:.0f}", number);
}

void ProgressBar::draw(std::size_t done) {
  constexpr std::size_t kWidth = 40;
  drawn_ = steady_clock::now();
  const double share =
      total_ == 0 ? 1 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
  const double seconds = std::chrono::duration<double>(drawn_ - began_).count();
  const auto filled = static_cast<std::size_t>(share * kWidth);
  fmt::print(stderr, "\r{} [{:#>{}}{:.>{}}] {:3.0f}%  {} of {}  {}/s  {:.0f} s left\x1b[K", title_,
             "", filled, "", kWidth - filled, share * 100, amount(static_cast<double>(done)),
             amount(static_cast<double>(total_)),
             amount(seconds > 0 ? static_cast<double>(done) / seconds : 0),
             share > 0 ? seconds / share - seconds : 0);
  std::fflush(stderr);
}

}  // namespace slipstream
