#include "ops/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>

#include "base/clock.h"
#include "base/iso_time.h"
#include "base/json_text.h"
#include "ops/log_format.h"

namespace slipstream {
namespace {

std::atomic<bool> as_json{false};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  return static_cast<spdlog::level::level_enum>(level);
}

}  // namespace

Result<void> start_logging(const std::string& level, const std::string& format) {
  const auto chosen = spdlog::level::from_str(level);
  if (chosen == spdlog::level::off && level != "off") {
    return fail("log level '" + level + "' is none of trace, debug, info, warn, error");
  }
  as_json.store(format == "json" || (format == "auto" && isatty(STDERR_FILENO) != 1));
  auto logger = std::make_shared<spdlog::logger>("slipstream",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%v");
  logger->set_level(chosen);
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
  return {};
}

void log_line(LogLevel level, std::string_view message, const std::vector<LogField>& fields) {
  auto* logger = spdlog::default_logger_raw();
  if (!logger->should_log(spdlog_level(level))) return;
  const std::int64_t now_ns = SystemClock().now().ns;
  // Given as an argument: a message may hold braces.
  logger->log(spdlog_level(level), "{}",
              as_json.load(std::memory_order_relaxed)
                  ? json_log_line(now_ns, level, message, fields)
                  : text_log_line(now_ns, level, message, fields));
}

std::string json_log_line(std::int64_t now_ns, LogLevel level, std::string_view message,
                          const std::vector<LogField>& fields) {
  std::string out = R"({"time":)";
  append_json_time(out, now_ns);
  out += R"(,"level":)";
  append_json_string(out, kLogLevelNames[static_cast<std::size_t>(level)]);
  out += R"(,"message":)";
  append_json_string(out, message);
  for (const auto& field : fields) {
    out += ',';
    append_json_string(out, field.name);
    out += ':';
    append_json_string(out, field.value);
  }
  return out += '}';
}

std::string text_log_line(std::int64_t now_ns, LogLevel level, std::string_view message,
                          const std::vector<LogField>& fields) {
  std::string out;
  append_iso_time(out, now_ns - now_ns % kNsPerMs);
  const auto name = kLogLevelNames[static_cast<std::size_t>(level)];
  out += ' ';
  out += name;
  out.append(std::size_t{6} - name.size(), ' ');
  out += message;
  for (const auto& field : fields) {
    out += "  ";
    out += field.name;
    out += '=';
    if (field.value.empty() || field.value.find_first_of(" \"=\n") != std::string::npos) {
      append_json_string(out, field.value);
    } else {
      out += field.value;
    }
  }
  return out;
}

}  // namespace slipstream
