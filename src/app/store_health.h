#pragma once
#include <string>
#include <vector>

#include "app/parts.h"

namespace slipstream {

/// The store's part of /api/health. Any thread.
void append_store(std::string& out, const Parts& parts);
/// What keeps the store from doing its work: each makes the server unfit.
std::vector<std::string> store_problems(const Parts& parts);
/// What somebody should look at, though the server does its work.
std::vector<std::string> store_notices(const Parts& parts);

}  // namespace slipstream
