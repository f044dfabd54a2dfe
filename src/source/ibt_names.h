#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "game/layout.h"
#include "source/ibt_file.h"

namespace slipstream {

/// What a variable of an `.ibt` is called in a point, and how its number becomes the member's.
struct IbtMember {
  enum class Range : std::uint8_t {
    kAll,
    kPositive,  ///< others say that there is none yet, and are left out
    kNotNegative,
  };
  std::string name;
  game::Scale scale = {};
  Range range = Range::kAll;
  bool is_known = false;  ///< it has a name that games' points have in common
};

/// Those that games have in common have their names (docs/games); others have iRacing's as words
/// with `_` between them, and the unit behind: `LFshockDefl` in m is `lf_shock_defl_m`.
IbtMember member_of(const IbtVariable& variable);

}  // namespace slipstream
