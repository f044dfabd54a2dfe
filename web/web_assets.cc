#include "web_assets.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <array>

extern "C" {
extern const char slipstream_index_html[], slipstream_index_html_end[];
extern const char slipstream_app_js[], slipstream_app_js_end[];
extern const char slipstream_feed_js[], slipstream_feed_js_end[];
extern const char slipstream_app_css[], slipstream_app_css_end[];
extern const char slipstream_openapi_json[], slipstream_openapi_json_end[];
}

namespace slipstream {
namespace {

WebAsset asset(std::string_view path, std::string_view type, const char* begin, const char* end) {
  const std::string_view body(begin, static_cast<std::size_t>(end - begin));
  return {path, type, body, fmt::format("{:016x}", XXH3_64bits(body.data(), body.size()))};
}

}  // namespace

std::span<const WebAsset> web_assets() {
  static const std::array<WebAsset, 4> assets = {
      asset("/index.html", "text/html; charset=utf-8", slipstream_index_html,
            slipstream_index_html_end),
      asset("/app.js", "text/javascript; charset=utf-8", slipstream_app_js, slipstream_app_js_end),
      asset("/feed.js", "text/javascript; charset=utf-8", slipstream_feed_js,
            slipstream_feed_js_end),
      asset("/app.css", "text/css; charset=utf-8", slipstream_app_css, slipstream_app_css_end)};
  return assets;
}

const WebAsset& api_description() {
  static const WebAsset description = asset("/api/openapi.json", "application/json",
                                            slipstream_openapi_json, slipstream_openapi_json_end);
  return description;
}

}  // namespace slipstream
