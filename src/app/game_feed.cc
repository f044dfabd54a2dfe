#include "app/game_feed.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "game/forza_encoder.h"

namespace slipstream {
namespace {

using game::Cell;
using game::column_of;

constexpr double kSilverstoneM = 5'891;
constexpr double kUsualSpeedMps = 38;
constexpr double kMetresPerDegree = 111'320;
constexpr double kFullBrakeBar = 100;
constexpr double kFullLockDeg = 360;
constexpr int kFirstOrdinal = 1'000;

const game::F1Format& f1_2025() {
  const auto formats = game::f1_formats();
  const auto found = std::ranges::find(formats, 2025, &game::F1Format::year);
  CHECK(found != formats.end(), "it is in the table");
  return *found;
}

FieldOptions field_of(const Config& config, GameFeed::Game game) {
  const bool is_f1 = game == GameFeed::Game::kF1;
  return {.cars = config.demo.cars,
          .seed = config.demo.seed,
          .track = is_f1 ? "silverstone" : "forza",
          .total_m = kSilverstoneM,
          .rate_hz = is_f1 ? GameFeed::kF1RateHz : GameFeed::kForzaRateHz};
}

double seconds(std::int64_t ms) {
  return static_cast<double>(ms) / 1'000;
}

}  // namespace

GameField::GameField(const FieldOptions& options)
    : field_(options),
      rate_hz_(options.rate_hz),
      clocks_(options.cars, LapClock(field_.circuit().total_m())),
      places_(options.cars),
      order_(options.cars),
      rank_(options.cars),
      numbers_(options.cars) {
  std::iota(order_.begin(), order_.end(), std::size_t{0});
}

void GameField::step() {
  field_.step();
  for (std::size_t car = 0; car < size(); ++car) {
    const auto reading = field_.reading(car);
    places_[car] = {reading.lap, reading.lapdist_m};
    clocks_[car].see(time_s(), reading.lap, reading.lapdist_m);
  }
  rank();
  for (std::size_t car = 0; car < size(); ++car) tell(car);
}

void GameField::rank() {
  std::ranges::stable_sort(order_, [this](std::size_t a, std::size_t b) {
    return std::pair(places_[a].lap, places_[a].lapdist_m) >
           std::pair(places_[b].lap, places_[b].lapdist_m);
  });
  for (std::size_t i = 0; i < order_.size(); ++i) rank_[order_[i]] = i;
}

void GameField::tell(std::size_t car) {
  const auto r = field_.reading(car);
  const auto& clock = clocks_[car];
  const auto line = field_.circuit().position_at(0);
  const double total_m = field_.circuit().total_m();
  const auto way_m = [&](std::size_t of) {
    return (places_[of].lap - 1) * total_m + places_[of].lapdist_m;
  };
  const std::size_t rank = rank_[car];
  const auto behind_s = [&](std::size_t other) {
    return (way_m(other) - way_m(car)) / kUsualSpeedMps;
  };
  const double brake = std::min(1.0, r.brake_front_bar / kFullBrakeBar);
  const double wear = std::min(100.0, 1.5 * (r.lap - 1) + 1.5 * r.lapdist_m / total_m);
  auto& cells = numbers_[car];
  cells.clear();
  const auto add = [&cells](game::ColumnId column, double value) {
    cells.push_back({value, column});
  };
  add(column_of("lap"), r.lap);
  add(column_of("lapdist_m"), r.lapdist_m);
  add(column_of("total_distance_m"), way_m(car));
  add(column_of("DistanceTraveled"), way_m(car));
  add(column_of("sector"), static_cast<double>(clock.sector()));
  add(column_of("lap_time_s"), seconds(clock.lap_time_ms()));
  add(column_of("last_lap_s"), seconds(clock.last_lap_ms()));
  add(column_of("BestLap"), seconds(clock.best_lap_ms()));
  add(column_of("sector1_s"), seconds(clock.sector_ms(0)));
  add(column_of("sector2_s"), seconds(clock.sector_ms(1)));
  add(column_of("CurrentRaceTime"), time_s());
  add(column_of("position"), static_cast<double>(rank + 1));
  add(column_of("grid"), static_cast<double>(car + 1));
  constexpr double kOnTrack = 4;
  add(column_of("driver_status"), kOnTrack);
  add(column_of("gap_leader_s"), behind_s(order_.front()));
  add(column_of("gap_front_s"), rank == 0 ? 0 : behind_s(order_[rank - 1]));
  add(column_of("speed_kmh"), r.speed_kmh);
  add(column_of("rpm"), r.rpm);
  add(column_of("gear"), r.gear);
  add(column_of("throttle"), r.throttle_percent / 100);
  add(column_of("brake"), brake);
  // In the simulation left is positive, in games right is.
  add(column_of("steer"), std::clamp(-r.steering_deg / kFullLockDeg, -1.0, 1.0));
  add(column_of("accx_can"), r.accx_g);
  add(column_of("accy_can"), -r.accy_g);
  constexpr double kToRadians = 3.141592653589793 / 180;
  add(column_of("x_m"),
      (r.longitude - line.longitude) * kMetresPerDegree * std::cos(line.latitude * kToRadians));
  add(column_of("z_m"), (r.latitude - line.latitude) * kMetresPerDegree);
  add(column_of("fuel_kg"), std::max(2.0, 100 - 1.7 * (r.lap - 1) - 1.7 * r.lapdist_m / total_m));
  add(column_of("fuel_capacity_kg"), 110);
  add(column_of("Fuel"), std::max(0.0, 1 - wear / 100));
  add(column_of("tyre_age_laps"), r.lap - 1);
  add(column_of("ers_store_j"), 2e6 + 2e6 * brake);
  add(column_of("CarOrdinal"), kFirstOrdinal + static_cast<double>(car));
  add(column_of("TimestampMS"), std::round(time_s() * 1'000));
  add(column_of("EngineMaxRpm"), 7'500);
  add(column_of("EngineIdleRpm"), 800);
  const auto wheels = [&](std::initializer_list<game::ColumnId> columns, double value) {
    for (const auto column : columns) add(column, value);
  };
  wheels({column_of("tyre_temp_fl_c"), column_of("tyre_temp_fr_c"), column_of("tyre_temp_rl_c"),
          column_of("tyre_temp_rr_c")},
         std::round(80 + 10 * std::abs(r.accy_g)));
  wheels({column_of("tyre_inner_fl_c"), column_of("tyre_inner_fr_c"), column_of("tyre_inner_rl_c"),
          column_of("tyre_inner_rr_c")},
         95);
  wheels({column_of("tyre_wear_fl_pct"), column_of("tyre_wear_fr_pct"),
          column_of("tyre_wear_rl_pct"), column_of("tyre_wear_rr_pct")},
         wear);
  wheels({column_of("tyre_pressure_fl_psi"), column_of("tyre_pressure_fr_psi"),
          column_of("tyre_pressure_rl_psi"), column_of("tyre_pressure_rr_psi")},
         23.5);
  wheels({column_of("brake_temp_fl_c"), column_of("brake_temp_fr_c"), column_of("brake_temp_rl_c"),
          column_of("brake_temp_rr_c")},
         std::round(350 + 400 * brake));
}

Result<std::unique_ptr<GameFeed>> GameFeed::open(const Config& config, Game game,
                                                 std::uint16_t udp_port, const Clock& clock) {
  const std::size_t most = game == Game::kF1 ? kMostF1Cars : kMostForzaCars;
  if (config.demo.cars > most) {
    return fail(
        fmt::format("the game has at most {} cars, and {} were asked for", most, config.demo.cars));
  }
  std::unique_ptr<GameFeed> feed(new GameFeed(config, game, clock));
  const std::size_t consoles = game == Game::kF1 ? 1 : config.demo.cars;
  for (std::size_t i = 0; i < consoles; ++i) {
    auto sender = UdpSender::open(demo_host(config), udp_port);
    if (!sender) return std::unexpected(sender.error());
    feed->senders_.push_back(std::move(*sender));
  }
  return feed;
}

GameFeed::GameFeed(const Config& config, Game game, const Clock& clock)
    : clock_(clock),
      game_(game),
      rate_hz_(game == Game::kF1 ? kF1RateHz : kForzaRateHz),
      start_(clock.moment()),
      title_(game == Game::kF1
                 ? fmt::format("{} cars at silverstone, as F1 2025 sends them", config.demo.cars)
                 : fmt::format("{} cars, as Forza sends them", config.demo.cars)),
      field_(field_of(config, game)),
      // Another race at every start.
      f1_(f1_2025(), {.uid = static_cast<std::uint64_t>(start_.wall.ns) ^ config.demo.seed}) {
  for (std::size_t car = 0; car < field_.size(); ++car) {
    drivers_.push_back({field_.name(car), static_cast<std::uint8_t>(car + 1)});
  }
  cars_.resize(field_.size());
}

std::size_t GameFeed::poll(std::size_t budget) {
  const std::int64_t elapsed_ns = clock_.steady() - start_.steady;
  const auto due = static_cast<std::uint64_t>(static_cast<double>(elapsed_ns) * 1e-9 * rate_hz_);
  std::size_t sent = 0;
  for (; steps_ < due && sent < budget; sent += field_.size()) {
    field_.step();
    if (game_ == Game::kF1) {
      send_f1();
    } else {
      send_forza();
    }
    ++steps_;
  }
  return sent;
}

void GameFeed::send_f1() {
  // What does not get through is seen by the server as frames that are missing.
  const auto send = [this](std::string_view datagram) {
    [[maybe_unused]] const auto sent = senders_.front().send(datagram);
  };
  const game::F1Encoder::Moment now{static_cast<float>(field_.time_s()),
                                    static_cast<std::uint32_t>(steps_ + 1)};
  constexpr std::uint64_t kFramesPerSession = 10;
  constexpr std::uint64_t kFramesPerDrivers = 100;
  if (steps_ == 0) f1_.start(now, send);
  if (steps_ % kFramesPerSession == 0) f1_.session(now, send);
  if (steps_ % kFramesPerDrivers == 0) f1_.drivers(now, drivers_, send);
  for (std::size_t car = 0; car < cars_.size(); ++car) cars_[car].numbers = field_.numbers(car);
  f1_.frame(now, cars_, send);
}

void GameFeed::send_forza() {
  for (std::size_t car = 0; car < field_.size(); ++car) {
    [[maybe_unused]] const auto sent =
        senders_[car].send(game::encode_forza_dash(field_.numbers(car)));
  }
}

void GameFeed::idle() {
  constexpr std::int64_t kIdleNs = 2 * kNsPerMs;
  const timespec nap{0, kIdleNs};
  nanosleep(&nap, nullptr);
}

}  // namespace slipstream
