#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace slipstream::game {

/// What F1's numbers mean, as points and marks say it. A number that is not known is written as it
/// came.

/// "abu_dhabi"; "track_99".
std::string f1_track(int id);
/// Numbers changed with the format of 2024.
std::string f1_session_type(std::uint16_t format, unsigned type);
std::string f1_weather(unsigned weather);
/// What the tyre is called in this race: "SOFT".
std::string f1_compound(unsigned visual);
std::string f1_penalty(unsigned penalty, unsigned infringement);
std::string f1_result_reason(unsigned reason);
std::string f1_safety_car(unsigned status);
std::string f1_safety_car_event(unsigned event);

}  // namespace slipstream::game
