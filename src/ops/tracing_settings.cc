#include "ops/tracing_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/percent_text.h"

namespace slipstream {
namespace {

constexpr std::string_view kTracesPath = "/v1/traces";
constexpr std::string_view kServiceName = "service.name";
constexpr std::string_view kUsualService = "slipstream";

using Pair = std::pair<std::string, std::string>;

std::string_view without_blanks(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// NAME=VALUE, where the value may have percent signs, as OpenTelemetry has them.
std::optional<Pair> parse_pair(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  Pair pair;
  pair.first = without_blanks(text.substr(0, equals));
  const auto value = without_blanks(text.substr(equals + 1));
  if (pair.first.empty() || !percent_decode(value, PlusSign::kItself, pair.second)) {
    return std::nullopt;
  }
  return pair;
}

/// What a header may be called, and hold.
bool is_header(const Pair& pair) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const auto is_of_a_name = [](unsigned char c) {
    return std::isalnum(c) != 0 || kMarks.find(static_cast<char>(c)) != std::string_view::npos;
  };
  const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
  return std::ranges::all_of(pair.first, is_of_a_name) &&
         std::ranges::none_of(pair.second, is_control);
}

Result<std::vector<Pair>> parse_pairs(const std::vector<std::string>& texts,
                                      std::string_view what) {
  std::vector<Pair> pairs;
  for (const auto& text : texts) {
    auto pair = parse_pair(text);
    // It may hold what is to be kept secret.
    if (!pair)
      return fail(fmt::format("number {} is no {}: NAME=VALUE is", pairs.size() + 1, what));
    pairs.push_back(std::move(*pair));
  }
  return pairs;
}

Result<HttpClient::Headers> headers_of(const Config::Tracing& tracing) {
  auto headers = parse_pairs(tracing.headers, "header");
  if (!headers) return std::unexpected(headers.error());
  const auto bad = std::ranges::find_if_not(*headers, is_header);
  if (bad != headers->end()) {
    return fail(
        fmt::format("number {} has characters that no header has", bad - headers->begin() + 1));
  }
  return headers;
}

Result<HttpUrl> url_of(const Config::Tracing& tracing) {
  if (!tracing.traces_endpoint.empty()) return HttpUrl::parse(tracing.traces_endpoint);
  auto url = HttpUrl::parse(tracing.endpoint);
  if (!url) return url;
  if (url->path.find('?') != std::string::npos) return fail("a URL without a ? is expected");
  if (url->path.ends_with('/')) url->path.pop_back();
  url->path += kTracesPath;
  return url;
}

Result<ResourceAttributes> resource_of(const Config::Tracing& tracing) {
  auto attributes = parse_pairs(tracing.resource_attributes, "attribute");
  if (!attributes) return std::unexpected(attributes.error());
  std::string service = tracing.service_name;
  std::erase_if(*attributes, [&](const Pair& pair) {
    if (pair.first != kServiceName) return false;
    if (service.empty()) service = pair.second;
    return true;
  });
  if (service.empty()) service = kUsualService;
  attributes->insert(attributes->begin(), {std::string(kServiceName), std::move(service)});
  return attributes;
}

}  // namespace

bool is_tracing(const Config& config) {
  return !config.tracing.endpoint.empty() || !config.tracing.traces_endpoint.empty();
}

Result<TracingSetup> tracing_setup(const Config& config) {
  TracingSetup setup;
  auto url = url_of(config.tracing);
  if (!url) return std::unexpected(url.error());
  auto headers = headers_of(config.tracing);
  if (!headers) return std::unexpected(headers.error());
  auto resource = resource_of(config.tracing);
  if (!resource) return std::unexpected(resource.error());
  auto sampler = SamplerOptions::parse(config.tracing.sampler, config.tracing.sampler_argument);
  if (!sampler) return std::unexpected(sampler.error());
  return TracingSetup{std::move(*url), std::move(*headers), std::move(*resource), *sampler};
}

void check_tracing(const Config& config,
                   const std::function<void(std::string where, std::string message)>& fault) {
  // A machine's variables are for all of its programs: where nothing is traced they may say what
  // they like.
  if (!is_tracing(config)) return;
  const auto& tracing = config.tracing;
  if (const auto sampler = SamplerOptions::parse(tracing.sampler, "1"); !sampler) {
    fault("[tracing] sampler", sampler.error().message);
  } else if (const auto all = SamplerOptions::parse(tracing.sampler, tracing.sampler_argument);
             !all) {
    fault("[tracing] sampler_arg", all.error().message);
  }
  if (const auto url = url_of(tracing); !url) {
    const bool is_whole = !tracing.traces_endpoint.empty();
    fault(is_whole ? "[tracing] traces_endpoint" : "[tracing] endpoint", url.error().message);
  }
  if (const auto headers = headers_of(tracing); !headers) {
    fault("[tracing] headers", headers.error().message);
  }
  if (const auto resource = resource_of(tracing); !resource) {
    fault("[tracing] resource_attributes", resource.error().message);
  }
}

}  // namespace slipstream
