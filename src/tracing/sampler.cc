#include "tracing/sampler.h"

#include <fmt/format.h>

#include <charconv>

namespace slipstream {
namespace {

struct NamedSampler {
  std::string_view name;
  SamplerOptions::Root root;
  bool is_parent_based;
};

using Root = SamplerOptions::Root;
constexpr NamedSampler kSamplers[] = {
    {"always_on", Root::kAlwaysOn, false},
    {"always_off", Root::kAlwaysOff, false},
    {"traceidratio", Root::kRatio, false},
    {"parentbased_always_on", Root::kAlwaysOn, true},
    {"parentbased_always_off", Root::kAlwaysOff, true},
    {"parentbased_traceidratio", Root::kRatio, true},
};

std::string sampler_names() {
  std::string names;
  for (const auto& sampler : kSamplers) {
    names += names.empty() ? "" : ", ";
    names += sampler.name;
  }
  return names;
}

Result<double> parse_ratio(std::string_view text) {
  double ratio = 1;
  if (text.empty()) return ratio;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, ratio);
  if (read.ec != std::errc{} || read.ptr != end || !(ratio >= 0 && ratio <= 1)) {
    return fail(fmt::format("a number from 0 to 1 is expected, not \"{}\"", text));
  }
  return ratio;
}

}  // namespace

Result<SamplerOptions> SamplerOptions::parse(std::string_view name, std::string_view argument) {
  if (name.empty()) return SamplerOptions{};
  for (const auto& sampler : kSamplers) {
    if (sampler.name != name) continue;
    const auto ratio = parse_ratio(sampler.root == Root::kRatio ? argument : "");
    if (!ratio) return std::unexpected(ratio.error());
    return SamplerOptions{.root = sampler.root,
                          .ratio = *ratio,
                          .is_limited = false,
                          .is_parent_based = sampler.is_parent_based,
                          .name = sampler.name};
  }
  return fail(fmt::format("one of {} is expected, not \"{}\"", sampler_names(), name));
}

Sampler::Sampler(SamplerOptions options, const Clock& clock) : options_(options), clock_(clock) {
  taken_at_.fill(kNever);
}

bool Sampler::wants(const TraceContext* parent, TraceId id) {
  if (parent != nullptr && options_.is_parent_based) return parent->is_sampled;
  return wants_root(id) && (!options_.is_limited || has_room());
}

bool Sampler::wants_root(TraceId id) const {
  switch (options_.root) {
    case Root::kAlwaysOn:
      return true;
    case Root::kAlwaysOff:
      return false;
    case Root::kRatio:
      break;
  }
  // Of 63 bits, as OpenTelemetry's libraries have it.
  constexpr double kAll = 9'223'372'036'854'775'808.0;
  return static_cast<double>(id.low >> 1) < options_.ratio * kAll;
}

/// Whether there were fewer in the second before.
bool Sampler::has_room() {
  const SteadyTime now = clock_.steady();
  const std::lock_guard lock(mutex_);
  SteadyTime& oldest = taken_at_[oldest_];
  if (now - oldest < kNsPerSecond) return false;
  oldest = now;
  oldest_ = (oldest_ + 1) % taken_at_.size();
  return true;
}

}  // namespace slipstream
