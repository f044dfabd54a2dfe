#pragma once
#include <span>
#include <string>
#include <string_view>

namespace slipstream {

/// A file of the dashboard, embedded in the program.
struct WebAsset {
  std::string_view path;  ///< "/app.js"
  std::string_view content_type;
  std::string_view body;
  std::string etag;  ///< of the content
};
std::span<const WebAsset> web_assets();

}  // namespace slipstream
