#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace slipstream {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError };
struct LogField {
  std::string_view name;
  std::string value;
};

/// Sets up the process's log on stderr: format "auto" (text on a terminal, else JSON), "text" or
/// "json". Call once, before the first log line.
Result<void> start_logging(const std::string& level, const std::string& format);
/// One line: text `2026-01-02T03:04:05.678Z info  message  name=value`, JSON
/// {"time":..,"level":..,"message":..,name:value}. Any thread.
void log_line(LogLevel level, std::string_view message, const std::vector<LogField>& fields = {});

inline void log_info(std::string_view m, const std::vector<LogField>& f = {}) {
  log_line(LogLevel::kInfo, m, f);
}
inline void log_warn(std::string_view m, const std::vector<LogField>& f = {}) {
  log_line(LogLevel::kWarn, m, f);
}
inline void log_error(std::string_view m, const std::vector<LogField>& f = {}) {
  log_line(LogLevel::kError, m, f);
}

}  // namespace slipstream
