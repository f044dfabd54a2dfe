#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "ops/logging.h"

namespace slipstream {

inline constexpr std::array<std::string_view, 5> kLogLevelNames = {"trace", "debug", "info", "warn",
                                                                   "error"};

/// How a log line is written, apart from where to.
std::string json_log_line(std::int64_t now_ns, LogLevel level, std::string_view message,
                          const std::vector<LogField>& fields);
std::string text_log_line(std::int64_t now_ns, LogLevel level, std::string_view message,
                          const std::vector<LogField>& fields);

}  // namespace slipstream
