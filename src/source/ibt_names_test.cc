#include "source/ibt_names.h"

#include <gtest/gtest.h>

#include "source/ibt_session.h"

namespace slipstream {
namespace {

TEST(IbtNames, AreWordsWithTheirUnit) {
  const struct {
    const char* variable;
    const char* unit;
    const char* member;
    double of_one = 1;
  } cases[] = {
      {"Speed", "m/s", "speed_kmh", 3.6},
      {"Throttle", "%", "throttle"},
      {"LFshockDefl", "m", "lf_shock_defl_m"},
      {"RRtempCM", "C", "rr_temp_cm_c"},
      {"LFTiresUsed", "", "lf_tires_used"},
      {"YawRate_ST", "rad/s", "yaw_rate_st_radps"},
      {"VelocityX", "m/s", "velocity_x_mps"},
      {"Engine0_RPM", "revs/min", "engine0_rpm"},
      {"dcABS", "", "dc_abs"},
      {"dpLFTireColdPress", "Pa", "dp_lf_tire_cold_press_pa"},
      {"FuelLevelPct", "%", "fuel_level_pct", 100},
      {"SteeringWheelPctTorque", "%", "steering_wheel_pct_torque_pct", 100},
      {"FogLevel", "%", "fog_level"},
      {"SessionFlags", "irsdk_Flags", "session_flags"},
      {"PitSvFuel", "l or kWh", "pit_sv_fuel_l_or_kwh"},
      {"AirPressure", "Hg", "air_pressure_inhg"},
      {"odd name\xff", "\xb0", "odd_name___"},
  };
  for (const auto& [variable, unit, name, of_one] : cases) {
    const IbtMember member = member_of({.name = variable, .unit = unit});
    EXPECT_EQ(member.name, name) << variable;
    EXPECT_DOUBLE_EQ(member.scale.of(1), of_one) << variable;
  }
  // An array has no name that one number has.
  EXPECT_EQ(member_of({.name = "Speed", .unit = "m/s", .count = 6}).name, "speed_mps");
}

TEST(IbtSession, IsTheRecordedCarsWhateverOthersAreCalled) {
  const auto session = read_ibt_session(
      "---\r\nWeekendInfo:\r\n TrackName: spa up\r\n SubSessionID: 0\r\nDriverInfo:\r\n"
      " DriverCarIdx: 2\r\n DriverTires:\r\n - TireIndex: 2\r\n Drivers:\r\n - CarIdx: 1\r\n"
      "   UserName: - CarIdx: 2\r\n   CarNumber: 5\r\n - CarIdx: 2\r\n   UserName: 'O''Neil: A'\r\n"
      "   CarNumber: \"07\"\r\nSplitTimeInfo:\r\n Sectors:\r\n - CarIdx: 2\r\n   UserName: no\r\n");
  EXPECT_EQ(session.track, "spa up");
  EXPECT_EQ(session.sub_session, "");
  EXPECT_EQ(session.driver, "O''Neil: A");
  EXPECT_EQ(session.car_number, "07");
}

}  // namespace
}  // namespace slipstream
