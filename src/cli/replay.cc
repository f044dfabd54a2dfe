#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <thread>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/point_sender.h"
#include "cli/progress_bar.h"
#include "cli/redis_recording.h"
#include "cli/session.h"
#include "codec/point_json.h"
#include "source/replay_file.h"

namespace slipstream {
namespace {

using std::chrono::steady_clock;

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

/// Sends each point when its turn has come, and shows how far it is.
class PacedReplay {
 public:
  PacedReplay(PointSender& sender, double speed, std::size_t total)
      : sender_(sender), speed_(speed), bar_("replay", total) {}

  /// `done` of the total were before it.
  Result<void> send(std::int64_t pace_ns, std::string_view json, std::size_t done) {
    if (auto waited = wait(pace_ns, done); !waited) return waited;
    ++points_;
    if (auto sent = sender_.send(json); !sent) return sent;
    bar_.show(done + 1);
    return {};
  }
  Result<void> finish(std::size_t done) {
    auto flushed = sender_.flush();
    bar_.finish(done);
    return flushed;
  }
  /// Sent; as far as somebody answers, answered.
  std::uint64_t points() const { return points_ - sender_.waiting(); }
  double seconds() const {
    return std::chrono::duration<double>(steady_clock::now() - began_).count();
  }

 private:
  Result<void> wait(std::int64_t pace_ns, std::size_t done) {
    if (speed_ <= 0) return {};
    if (!first_ns_) first_ns_ = pace_ns;
    // As floating point, since times that are centuries apart are no overflow there.
    constexpr double kFarNs = 4e18;
    const double offset_ns =
        (static_cast<double>(pace_ns) - static_cast<double>(*first_ns_)) / speed_;
    const auto due =
        began_ +
        std::chrono::nanoseconds(static_cast<std::int64_t>(std::clamp(offset_ns, -kFarNs, kFarNs)));
    for (auto now = steady_clock::now(); now < due; now = steady_clock::now()) {
      if (now >= sender_.flush_due()) {
        if (auto flushed = sender_.flush(); !flushed) return flushed;
      }
      bar_.show(done);
      std::this_thread::sleep_until(
          std::min({due, sender_.flush_due(), now + ProgressBar::kRefresh}));
    }
    return {};
  }

  PointSender& sender_;
  const double speed_;
  ProgressBar bar_;
  const steady_clock::time_point began_ = steady_clock::now();
  std::optional<std::int64_t> first_ns_;
  std::uint64_t points_ = 0;
};

constexpr std::string_view kReplay = "replay";

/// Points that were not sent, by why.
using Unreadable = std::map<std::string, std::size_t>;

std::string listed(const Unreadable& unreadable) {
  std::string out;
  for (const auto& [reason, count] : unreadable) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, reason);
  }
  return out;
}

std::size_t sum(const Unreadable& unreadable) {
  std::size_t count = 0;
  for (const auto& [reason, n] : unreadable) count += n;
  return count;
}

/// Tells what became of a recording, and whether all of it was taken.
int finish(PacedReplay& replay, const PointSender& sender, Result<void> outcome, std::size_t done,
           const ReplayOptions& options, const Unreadable& unreadable) {
  if (auto finished = replay.finish(done); outcome) outcome = finished;
  if (!outcome) {
    return tell_failure(
        kReplay, {fmt::format("after {} points: {}", replay.points(), outcome.error().message)});
  }
  fmt::print("{} points sent to {} in {:.2f} s, {} refused\n", replay.points(), options.to,
             replay.seconds(), sum(unreadable) + sender.refused());
  if (const auto said = sender.outcome(); !said.empty()) fmt::print(stderr, "{}\n", said);
  if (sender.refused() > 0) {
    const auto first = sender.first_refusal();
    return tell_failure(kReplay,
                        {fmt::format("the server did not take {} points{}{}", sender.refused(),
                                     first.empty() ? "" : "; the first: ", first)});
  }
  if (unreadable.empty()) return kExitSuccess;
  return tell_failure(kReplay, {fmt::format("{} holds points that were refused and not sent: {}",
                                            options.source, listed(unreadable))});
}

int replay_file(const ReplayOptions& options, PointSender& sender, double speed) {
  const auto recording = read_recording(options.source, options.track, SchemaOptions{});
  if (!recording) return tell_failure(kReplay, recording.error());
  for (const auto& error : recording->errors) fmt::print(stderr, "refused: {}\n", error);
  const auto& points = recording->points;
  PacedReplay replay(sender, speed, points.size());
  Result<void> outcome;
  std::size_t done = 0;
  for (; outcome && done < points.size(); ++done) {
    outcome = replay.send(points[done].pace_ns, points[done].json, done);
  }
  return finish(replay, sender, outcome, done, options, recording->reasons);
}

Result<void> send_all(Session& session, PacedReplay& replay) {
  std::string json;
  while (true) {
    const auto batch = session.next();
    if (!batch) return std::unexpected(batch.error());
    if (*batch == nullptr) return {};
    std::size_t done = session.entries_done();
    for (const Point& point : (*batch)->points) {
      json.clear();
      append_point_json(json, **batch, point, session.schema());
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
  const int code = finish(replay, sender, outcome, done, options, {});
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
    if (auto sent = replay.send((*point)->pace_ns, (*point)->json, done); !sent) return sent;
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
  const int code = finish(replay, sender, outcome, (*recording)->entries_done(), options,
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
  auto sender = open_sender(*target, options.token, config.redis, check ? &*check : nullptr);
  if (!sender) return tell_failure(kReplay, sender.error());
  if (is_stream) return replay_stream(options, config, **sender, *speed);
  return is_session ? replay_session(options, config, **sender, *speed)
                    : replay_file(options, **sender, *speed);
}

}  // namespace slipstream
