#include "app/streams_setup.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "redis/address.h"
#include "redis_streams/entry_id.h"
#include "redis_streams/stream_names.h"

namespace slipstream {
namespace {

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

std::string unique_instance(const std::string& host) {
  std::random_device random;
  return fmt::format("{}-{}-{:08x}", host, ::getpid(), random());
}

StreamNames stream_names(const Config& config) {
  const auto& redis = config.redis;
  return {.telemetry = redis.telemetry_stream,
          .aggregates = redis.aggregates_stream,
          .group = redis.group,
          .partitions = redis.partitions};
}

RollupSelection aggregates_selection(const Config::Redis& redis) {
  return {.fields = redis.fields,
          .left_out = statistics_beside(redis.statistics).value_or(StatisticSet{0})};
}

/// A statistic that was asked for, and that the windows which go to Redis do not have.
void check_statistics_are_made(const Config& config, std::vector<ConfigFault>& faults) {
  const auto& redis = config.redis;
  for (const std::string& name : redis.statistics) {
    const auto row = std::ranges::find(kStatistics, std::string_view(name), &Statistic::name);
    if (row == kStatistics.end()) continue;
    const bool is_made = std::ranges::any_of(config.windows, [&](const WindowDefinition& window) {
      return std::ranges::find(redis.windows, window.name) != redis.windows.end() &&
             window.statistics.has(row->group);
    });
    if (is_made) continue;
    const auto group = std::ranges::find(kStatisticGroups, row->group, &StatisticGroupRow::group);
    faults.push_back(
        {"[redis] statistics",
         fmt::format("no window of [redis] windows has \"{}\": set {} = true in its [[window]]",
                     name, group == kStatisticGroups.end() ? "it" : group->setting)});
  }
}

}  // namespace

std::vector<ConfigFault> check_streams(const Config& config) {
  std::vector<ConfigFault> faults;
  const auto& redis = config.redis;
  if (!redis.url.empty()) {
    if (const auto urls = parse_redis_urls(redis.url); !urls) {
      faults.push_back({"[redis] url", urls.error().message});
    }
  } else if (config.has_redis_log()) {
    faults.push_back({"[durability] log", "\"redis\" needs [redis] url (REDIS_URL)"});
  }
  if (config.durability.level == "replicated" && !config.has_redis_log()) {
    faults.push_back({"[durability] durability", "\"replicated\" needs log = \"redis\""});
  }
  if (redis.from != "$" && redis.from != "0" && !EntryId::parse(redis.from)) {
    faults.push_back({"[redis] from", fmt::format("expected $, 0 or an entry's id such as "
                                                  "1757032100000-0, got \"{}\"",
                                                  redis.from)});
  }
  for (const std::string& name : redis.statistics) {
    if (statistics_beside({&name, 1})) continue;
    std::vector<std::string_view> known;
    for (const auto& statistic : kStatistics) known.push_back(statistic.name());
    faults.push_back(
        {"[redis] statistics", fmt::format("\"{}\" is none of {}", name, fmt::join(known, ", "))});
  }
  if (redis.url.empty()) return faults;
  check_statistics_are_made(config, faults);
  for (const auto& window : redis.windows) {
    if (std::ranges::find(config.windows, window, &WindowDefinition::name) ==
        config.windows.end()) {
      faults.push_back(
          {"[redis] windows",
           fmt::format("there is no window \"{}\" whose rollups could be written to Redis",
                       window)});
    }
  }
  return faults;
}

StreamOptions stream_options(const Config& config) {
  const auto& redis = config.redis;
  const std::string host = host_name();
  return {
      .cluster = {.partitions = redis.partitions,
                  .windows = config.windows,
                  .max_series = config.pipeline.max_series,
                  .commit_interval_ms = redis.commit_interval_ms,
                  .block_ms = redis.block_ms,
                  .is_consuming = redis.consume,
                  .is_following = redis.follow},
      .names = stream_names(config),
      .instance = unique_instance(host),
      .consumer = redis.name.empty() ? fmt::format("ingestor-{}-{}", host, ::getpid()) : redis.name,
      .from = redis.from,
      .batch = redis.batch,
      .max_batch = std::max(redis.batch, redis.max_batch),
      .claim_idle_ms = redis.claim_idle_ms,
      .stream_maxlen = redis.stream_maxlen,
      .lease_ms = redis.lease_ms,
      .aggregate_windows = redis.windows,
      .aggregate_selection = aggregates_selection(redis),
      .is_log = config.has_redis_log()};
}

RollupDestination aggregates_destination(const Config& config) {
  RollupDestination redis{.name = std::string(kAggregatesOutput),
                          .windows = config.redis.windows,
                          .selection = aggregates_selection(config.redis),
                          .shards = {},
                          .rollups_per_row = config.redis.pipeline_size,
                          .max_rollups = config.redis.stream_maxlen};
  for (std::uint32_t p = 0; p < config.redis.partitions; ++p) {
    redis.shards.push_back(stream_keys(stream_names(config), p).aggregates);
  }
  return redis;
}

}  // namespace slipstream
