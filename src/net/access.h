#pragma once
#include <cstdint>
#include <string>

namespace slipstream {

/// What a request asks for.
enum class Scope : std::uint8_t {
  kOpen,   ///< what everybody may have: the page's files, liveness
  kRead,   ///< points, rollups, figures; a WebSocket
  kWrite,  ///< sending points
  kAdmin,
};

/// What one client may do: what its token grants, or what is open to everybody.
struct Access {
  bool read = true;
  bool write = true;
  bool admin = true;       ///< everything
  std::string token = {};  ///< the name of the token it showed; empty: none, or an unknown one

  bool allows(Scope scope) const {
    return scope == Scope::kOpen || admin || (scope == Scope::kRead && read) ||
           (scope == Scope::kWrite && write);
  }
};

/// Why a request is not served, decided before its body is read.
enum class Denial : std::uint8_t {
  kNone,
  kNoToken,      ///< 401: no token, or an unknown one
  kWrongScope,   ///< 403: a known token that does not grant this
  kRateLimited,  ///< 429
};

}  // namespace slipstream
