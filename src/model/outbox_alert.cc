#include "model/outbox_alert.h"

#include <fmt/format.h>

#include <charconv>

namespace slipstream {

std::string outbox_row_of(const OutboxAlert& alert) {
  return fmt::format("{} {}\n{}\n", alert.id, alert.queued.ns, alert.body);
}

std::optional<OutboxAlert> outbox_alert_of(std::string_view row) {
  const auto head_end = row.find('\n');
  const auto blank = row.substr(0, head_end).find(' ');
  if (head_end == std::string_view::npos || blank == std::string_view::npos ||
      !row.ends_with('\n') || row.size() < head_end + 3) {
    return std::nullopt;
  }
  OutboxAlert alert{.id = row.substr(0, blank)};
  const char* const end = row.data() + head_end;
  const auto [read, error] = std::from_chars(row.data() + blank + 1, end, alert.queued.ns);
  if (error != std::errc{} || read != end) return std::nullopt;
  alert.body = row.substr(head_end + 1, row.size() - head_end - 2);
  return alert;
}

}  // namespace slipstream
