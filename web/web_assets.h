#pragma once
#include <span>
#include <string>
#include <string_view>

namespace slipstream {

/// A file that is embedded in the program.
struct WebAsset {
  std::string_view path;  ///< "/app.js"
  std::string_view content_type;
  std::string_view body;
  std::string etag;  ///< of the content
};
/// The dashboard's.
std::span<const WebAsset> web_assets();
/// The description of the HTTP API, as OpenAPI.
const WebAsset& api_description();

}  // namespace slipstream
