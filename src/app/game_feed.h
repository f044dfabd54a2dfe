#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/demo_feed.h"
#include "game/f1_encoder.h"
#include "racing/lap_clock.h"
#include "racing/race_field.h"
#include "source/udp_sender.h"

namespace slipstream {

/// The simulated field's cars as a game tells of them: numbers by the names that points have. One
/// thread.
class GameField {
 public:
  explicit GameField(const FieldOptions& options);

  void step();
  double time_s() const { return field_.time_s(); }
  std::size_t size() const { return field_.size(); }
  std::string_view name(std::size_t car) const { return field_.chassis(car); }
  /// Valid until the next step().
  std::span<const game::Cell> numbers(std::size_t car) const { return numbers_[car]; }

 private:
  struct Place {
    std::int32_t lap = 1;
    double lapdist_m = 0;
  };
  void tell(std::size_t car);
  void rank();

  RaceField field_;
  const double rate_hz_;
  std::vector<LapClock> clocks_;
  std::vector<Place> places_;
  std::vector<std::size_t> order_;  ///< cars, the first of the race first
  std::vector<std::size_t> rank_;   ///< of each car in it
  std::vector<std::vector<game::Cell>> numbers_;
};

/// What a demo sends to its own server as a game would: packets of F1 2025 of the whole field, or
/// Forza's of each car, from a port of its own as from a console. One thread.
class GameFeed final : public DemoSource {
 public:
  static constexpr double kF1RateHz = 20;
  static constexpr double kForzaRateHz = 60;
  static constexpr std::size_t kMostForzaCars = 64;  ///< as many senders as a decoder knows
  static constexpr std::size_t kMostF1Cars = 22;

  enum class Game : std::uint8_t { kF1, kForza };

  /// Errors: too many cars for the game; the server's socket cannot be reached.
  static Result<std::unique_ptr<GameFeed>> open(const Config& config, Game game,
                                                std::uint16_t udp_port, const Clock& clock);

  std::size_t poll(std::size_t budget) override;
  void idle() override;
  void wake() override {}
  const std::string& title() const override { return title_; }

 private:
  GameFeed(const Config& config, Game game, const Clock& clock);
  void send_f1();
  void send_forza();

  const Clock& clock_;
  const Game game_;
  const double rate_hz_;
  const Moment start_;
  std::string title_;
  GameField field_;
  game::F1Encoder f1_;
  std::vector<UdpSender> senders_;
  std::vector<game::F1Encoder::Driver> drivers_;
  std::vector<game::F1Encoder::Car> cars_;
  std::uint64_t steps_ = 0;
};

}  // namespace slipstream
