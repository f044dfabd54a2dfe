#pragma once
#include <cstddef>
#include <expected>

#include "net/http.h"
#include "store/session_queries.h"

namespace slipstream {

inline constexpr std::size_t kMaxSessionNameBytes = 128;

/// What a PATCH of a session asks for: `{"name":"..."}`. Else the answer that says why not.
std::expected<SessionEdit, HttpResponse> read_session_edit(const HttpRequest& request);

}  // namespace slipstream
