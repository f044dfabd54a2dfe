#include "net/accept.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "net/http.h"
#include "net/http_syntax.h"

namespace slipstream {
namespace {

struct Wish {
  std::string_view value;
  double quality = 1;
};

/// A member of a list: what is wanted, and its `q` among whatever parameters it has.
Wish wish_of(std::string_view member) {
  Wish wish{trim_ows(member.substr(0, member.find(';')))};
  while (true) {
    const auto semicolon = member.find(';');
    if (semicolon == std::string_view::npos) return wish;
    member.remove_prefix(semicolon + 1);
    const auto parameter = trim_ows(member.substr(0, member.find(';')));
    if (parameter.size() < 2 || !equal_ignoring_case(parameter.substr(0, 2), "q=")) continue;
    double quality = 0;
    const char* const end = parameter.data() + parameter.size();
    const auto [behind, error] = std::from_chars(parameter.data() + 2, end, quality);
    if (error == std::errc{} && behind == end && quality >= 0 && quality <= 1) {
      wish.quality = quality;
    }
  }
}

std::vector<Wish> wishes(const HttpFields& fields, std::string_view name) {
  std::vector<Wish> all;
  for (const auto member : list_members(fields, name)) all.push_back(wish_of(member));
  return all;
}

std::optional<double> quality_of(std::span<const Wish> all, std::string_view value) {
  for (const auto& wish : all) {
    if (equal_ignoring_case(wish.value, value)) return wish.quality;
  }
  return std::nullopt;
}

/// How well a media range names a type: 3 it is it, 0 it is another one.
int fit_of(std::string_view range, std::string_view type) {
  if (equal_ignoring_case(range, type)) return 3;
  if (range == "*/*") return 1;
  const auto slash = type.find('/') + 1;
  const bool is_kind = range.size() == slash + 1 && range.ends_with('*') &&
                       equal_ignoring_case(range.substr(0, slash), type.substr(0, slash));
  return is_kind ? 2 : 0;
}

}  // namespace

Coding accepted_coding(const HttpFields& fields) {
  const auto all = wishes(fields, "Accept-Encoding");
  const auto others = quality_of(all, "*").value_or(0);
  const auto wanted = [&](std::string_view name) { return quality_of(all, name).value_or(others); };
  const double zstd = wanted("zstd");
  const double gzip = std::max(wanted("gzip"), quality_of(all, "x-gzip").value_or(0));
  const double plain = quality_of(all, "identity").value_or(0);
  if (std::max(zstd, gzip) <= 0 || plain > std::max(zstd, gzip)) return Coding::kNone;
  return zstd >= gzip ? Coding::kZstd : Coding::kGzip;
}

std::size_t accepted_type(const HttpFields& fields, std::span<const std::string_view> offered) {
  const auto all = wishes(fields, "Accept");
  std::size_t best = 0;
  std::pair<double, int> most{0, 0};
  for (std::size_t i = 0; i < offered.size(); ++i) {
    std::pair<int, double> named{0, 0};  // what names it most exactly counts
    for (const auto& wish : all) {
      const int fit = fit_of(wish.value, offered[i]);
      if (fit > named.first) named = {fit, wish.quality};
    }
    const std::pair wanted{named.second, named.first};
    if (wanted.first <= 0 || wanted <= most) continue;
    most = wanted;
    best = i;
  }
  return best;
}

}  // namespace slipstream
