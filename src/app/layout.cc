#include "app/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace slipstream {
namespace {

constexpr std::string_view kPartitions = "partitions ";
constexpr std::string_view kNoLog = "no log\n";

}  // namespace

Layout Layout::of(const Config& config) {
  return {config.pipeline.partitions, config.pipeline.max_series, config.has_segment_log(),
          config.windows};
}

std::string Layout::to_text() const {
  return fmt::format("{}{} {}\n{}{}", kPartitions, partitions, max_series, has_log ? "" : kNoLog,
                     slipstream::to_text(windows));
}

Result<Layout> Layout::parse(std::string_view text) {
  Layout layout;
  if (!text.starts_with(kPartitions)) return fail("the store's layout is not understood");
  text.remove_prefix(kPartitions.size());
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, layout.partitions);
  const auto second = std::from_chars(std::min(first.ptr + 1, end), end, layout.max_series);
  if (first.ec != std::errc{} || second.ec != std::errc{} || second.ptr == end ||
      layout.partitions == 0) {
    return fail("the store's layout is not understood");
  }
  text = {second.ptr + 1, static_cast<std::size_t>(end - second.ptr - 1)};
  if (text.starts_with(kNoLog)) {
    layout.has_log = false;
    text.remove_prefix(kNoLog.size());
  }
  auto windows = definitions_from_text(text);
  if (!windows) return std::unexpected(windows.error());
  layout.windows = std::move(*windows);
  return layout;
}

}  // namespace slipstream
