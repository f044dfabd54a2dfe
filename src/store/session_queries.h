#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/stored_laps.h"
#include "store/sqlite.h"

namespace slipstream {

/// What a person says of a session.
struct SessionEdit {
  std::string id = {};
  std::optional<std::string> name = {};  ///< empty: none; nothing: it stays
  std::optional<bool> pinned = {};       ///< nothing: it stays
};

/// Those that overlap a span of time, the newest first. kRefused: more than kMostSessions.
Result<std::vector<StoredSession>> query_sessions(Database& database, const SessionQuery& query);
inline constexpr std::size_t kMostSessions = 10'000;
/// By its id, or one that it had before. Nothing: unknown.
Result<std::optional<StoredSession>> find_session(Database& database, std::string_view id);
/// Of all that are pinned, and of that one, where it is known.
Result<std::vector<SessionExtent>> pinned_extents(Database& database, std::string_view also);
/// The number of its row; nothing: unknown.
Result<std::optional<std::int64_t>> session_number(Database& database, std::string_view id);
/// The session as it is then; nothing: unknown. Part of a transaction of the caller's.
Result<std::optional<StoredSession>> edit_session(Database& database, const SessionEdit& edit);

}  // namespace slipstream
