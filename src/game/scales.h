#pragma once
#include "game/layout.h"

namespace slipstream::game {

inline constexpr Scale kMilliseconds{.divisor = 1'000};
inline constexpr Scale kThousandths{.divisor = 1'000};
inline constexpr Scale kPer255{.divisor = 255};
inline constexpr Scale kPer127{.divisor = 127};
inline constexpr Scale kToKmh{.factor = 3.6};      ///< of m/s
inline constexpr Scale kPerG{.divisor = 9.80665};  ///< of m/s^2
inline constexpr Scale kFahrenheit{.add = -32, .divisor = 1.8};
inline constexpr Scale kPercent{.factor = 100};  ///< of a share of 1
inline constexpr Scale kOneMore{.add = 1};

}  // namespace slipstream::game
