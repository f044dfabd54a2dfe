#pragma once
#include <chrono>
#include <cstddef>
#include <string>

namespace slipstream {

/// How far a long piece of work is, on stderr where that is a terminal; silent elsewhere. One
/// thread.
class ProgressBar {
 public:
  static constexpr std::chrono::milliseconds kRefresh{100};

  enum class Unit { kItems, kBytes };

  ProgressBar(std::string title, std::size_t total, Unit unit = Unit::kItems);
  /// Draws at most every kRefresh.
  void show(std::size_t done);
  void finish(std::size_t done);

 private:
  void draw(std::size_t done);
  std::string amount(double number) const;

  const std::string title_;
  const std::size_t total_;
  const Unit unit_;
  const bool is_terminal_;
  const std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point drawn_;
};

}  // namespace slipstream
