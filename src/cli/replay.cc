#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/paced_replay.h"
#include "cli/point_sender.h"
#include "cli/redis_recording.h"
#include "cli/replay_capture.h"
#include "cli/replay_ibt.h"
#include "cli/replay_mcap.h"
#include "cli/session.h"
#include "cli/udp_points.h"
#include "codec/mark_json.h"
#include "codec/point_json.h"
#include "source/capture.h"
#include "source/replay_file.h"

namespace slipstream {
namespace {

/// 0 stands for "as fast as it goes".
Result<double> parse_speed(std::string_view text) {
  if (text == "max") return 0.0;
  if (text.ends_with('x')) text.remove_suffix(1);
  double speed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), speed);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(speed) ||
      speed <= 0) {
    return fail("--speed must be a number above 0, or max");
  }
  return speed;
}

constexpr std::string_view kReplay = "replay";

int replay_file(const ReplayOptions& options, PointSender& sender, double speed) {
  const auto recording = read_recording(options.source, options.track, SchemaOptions{});
  if (!recording) return tell_failure(kReplay, recording.error());
  for (const auto& error : recording->errors) fmt::print(stderr, "refused: {}\n", error);
  const auto& points = recording->points;
  PacedReplay replay(sender, speed, points.size());
  Result<void> outcome;
  std::size_t done = 0;
  for (; outcome && done < points.size(); ++done) {
    const auto& point = points[done];
    outcome = point.is_mark ? replay.send_mark(point.pace_ns, point.json, done)
                            : replay.send(point.pace_ns, point.json, done);
  }
  return finish_replay(replay, sender, outcome, done, options, recording->reasons);
}

Result<void> send_all(Session& session, PacedReplay& replay) {
  std::string json;
  while (true) {
    const auto item = session.next();
    if (!item) return std::unexpected(item.error());
    if (item->is_end()) return {};
    std::size_t done = session.entries_done();
    if (!item->mark.empty()) {
      const auto mark = parse_mark_json(item->mark, {});
      if (!mark) continue;
      if (auto sent = replay.send_mark(mark->time.ns, item->mark, done); !sent) return sent;
      continue;
    }
    for (const Point& point : item->points->points) {
      json.clear();
      append_point_json(json, *item->points, point, session.schema());
      if (auto sent = replay.send(point.event_time.ns, json, done++); !sent) return sent;
    }
  }
}

int replay_session(const ReplayOptions& options, const Config& config, PointSender& sender,
                   double speed) {
  auto session = Session::open(options.source, config.schema);
  if (!session) return tell_failure(kReplay, session.error());
  PacedReplay replay(sender, speed, (*session)->entries());
  const auto outcome = send_all(**session, replay);
  const std::size_t done = outcome ? (*session)->entries() : (*session)->entries_done();
  const int code = finish_replay(replay, sender, outcome, done, options, {});
  const auto lost = (*session)->lost();
  print_lost(lost);
  return lost.empty() ? code : kExitFailure;
}

Result<void> send_all(RedisRecording& recording, PacedReplay& replay) {
  while (true) {
    const auto point = recording.next();
    if (!point) return std::unexpected(point.error());
    if (!*point) return {};
    const std::size_t done = recording.entries_done() - 1;
    const auto& [pace_ns, json, is_mark] = **point;
    const auto sent =
        is_mark ? replay.send_mark(pace_ns, json, done) : replay.send(pace_ns, json, done);
    if (!sent) return sent;
  }
}

int replay_stream(const ReplayOptions& options, const Config& config, PointSender& sender,
                  double speed) {
  const auto url = RedisStreamUrl::parse(options.source);
  if (!url) return tell_usage_error(kReplay, url.error());
  const auto from = RedisRecording::parse_id(options.from);
  if (!from) return tell_usage_error(kReplay, from.error());
  auto recording =
      RedisRecording::open(*url, config, {.from = *from, .partitions = options.partitions});
  if (!recording) return tell_failure(kReplay, recording.error());
  PacedReplay replay(sender, speed, (*recording)->entries());
  const auto outcome = send_all(**recording, replay);
  const int code = finish_replay(replay, sender, outcome, (*recording)->entries_done(), options,
                                 (*recording)->refused());
  for (const auto& error : (*recording)->errors()) fmt::print(stderr, "refused: {}\n", error);
  return code;
}

}  // namespace

int run_replay(ReplayOptions options) {
  const auto target = ReplayTarget::parse(options.to);
  if (!target) return tell_usage_error(kReplay, target.error());
  options.to = target->text;
  const auto speed = parse_speed(options.speed);
  if (!speed) return tell_usage_error(kReplay, speed.error());
  const bool is_stream = RedisStreamUrl::is_one(options.source);
  std::error_code ignored;
  const bool is_session = !is_stream && std::filesystem::is_directory(options.source, ignored);
  Config config;
  if (is_stream || is_session || target->redis) {
    auto read = read_configuration(options.config_file);
    if (!read) {
      print_faults(read.error());
      return kExitConfig;
    }
    config = std::move(*read);
  }
  std::optional<ReplayTarget> check;
  if (!options.check.empty()) {
    auto parsed = ReplayTarget::parse(options.check);
    if (!parsed || parsed->scheme != ReplayTarget::Scheme::kHttp ||
        target->scheme != ReplayTarget::Scheme::kUdp) {
      return tell_usage_error(kReplay, {"--check http://HOST:PORT goes with --to udp://HOST:PORT"});
    }
    check = std::move(*parsed);
  }
  const bool is_capture = !is_stream && !is_session && may_be_capture(options.source);
  if (options.port && !is_capture) {
    return tell_usage_error(kReplay, {"--port goes with a capture: pcap or pcapng"});
  }
  if (is_capture && target->scheme == ReplayTarget::Scheme::kUdp) {
    auto datagrams = open_datagrams(*target, options.token, check ? &*check : nullptr);
    if (!datagrams) return tell_failure(kReplay, datagrams.error());
    return replay_capture_datagrams(options, **datagrams, *speed);
  }
  auto sender = open_sender(*target, options.token, config.redis, check ? &*check : nullptr);
  if (!sender) return tell_failure(kReplay, sender.error());
  if (is_stream) return replay_stream(options, config, **sender, *speed);
  if (is_capture) return replay_capture_points(options, **sender, *speed);
  if (is_session) return replay_session(options, config, **sender, *speed);
  if (is_mcap(options.source)) return replay_mcap(options, **sender, *speed);
  if (is_ibt(options.source)) return replay_ibt(options, **sender, *speed);
  return replay_file(options, **sender, *speed);
}

}  // namespace slipstream
