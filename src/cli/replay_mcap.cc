#include "cli/replay_mcap.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <memory>
#include <utility>

#include "cli/cli.h"
#include "cli/paced_replay.h"
#include "source/mcap_points.h"

namespace slipstream {
namespace {

constexpr std::string_view kReplayMcap = "replay";

Result<void> send_messages(McapReader& reader, McapPoints& points, PacedReplay& replay) {
  while (const auto message = reader.next()) {
    const auto logged_ns = static_cast<std::int64_t>(message->log_time_ns);
    // The bar counts bytes, and is told of items: of the one before.
    const std::size_t done = reader.position() - 1;
    const auto taken = points.decode(*message, [&](std::string_view json, bool is_mark) {
      return is_mark ? replay.send_mark(logged_ns, json, done) : replay.send(logged_ns, json, done);
    });
    if (!taken) return taken;
  }
  return {};
}

int tell_faults(const McapReader& reader, const std::string& file, int code) {
  for (const auto& fault : reader.faults()) {
    code = tell_failure(kReplayMcap, {fmt::format("{}: {}", file, fault)});
  }
  if (reader.fault_count() > reader.faults().size()) {
    fmt::print(stderr, "and {} faults more\n", reader.fault_count() - reader.faults().size());
  }
  if (reader.fault_count() > 0) fmt::print(stderr, "what is whole was sent\n");
  return code;
}

}  // namespace

bool is_mcap(const std::filesystem::path& file) {
  std::array<char, mcap::kMagic.size()> begin{};
  std::ifstream in(file, std::ios::binary);
  return in.read(begin.data(), begin.size()) &&
         std::string_view(begin.data(), begin.size()) == mcap::kMagic;
}

int replay_mcap(const ReplayOptions& options, PointSender& sender, double speed) {
  auto in = std::make_unique<std::ifstream>(options.source, std::ios::binary);
  if (!*in) return tell_failure(kReplayMcap, errno_error(options.source, errno));
  std::error_code error;
  const auto bytes = std::filesystem::file_size(options.source, error);
  McapReader reader(std::move(in));
  McapPoints points(options.track, std::filesystem::path(options.source).stem().string());
  PacedReplay replay(sender, speed, error ? 0 : bytes, ProgressBar::Unit::kBytes);
  const auto outcome = send_messages(reader, points, replay);
  points.refused().print();
  const int code =
      finish_replay(replay, sender, outcome, reader.position(), options, points.refused().counts());
  if (code == kExitSuccess && replay.points() + replay.marks() == 0 && reader.fault_count() == 0) {
    return tell_failure(kReplayMcap, {fmt::format("{} holds no message", options.source)});
  }
  return tell_faults(reader, options.source, code);
}

}  // namespace slipstream
