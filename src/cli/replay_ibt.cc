#include "cli/replay_ibt.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <string>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/paced_replay.h"
#include "source/ibt_points.h"
#include "source/unpacked_file.h"

namespace slipstream {
namespace {

constexpr std::string_view kReplayIbt = "replay";

std::int64_t last_written_ns(const std::string& file) {
  struct stat about{};
  if (stat(file.c_str(), &about) != 0) return 0;
  return std::int64_t{about.st_mtim.tv_sec} * kNsPerSecond + about.st_mtim.tv_nsec;
}

Result<void> send_records(const IbtFile& file, IbtPoints& points, PacedReplay& replay,
                          RefusalCounts& refused) {
  for (std::size_t i = 0; i < file.records(); ++i) {
    const auto point = points.point(i);
    if (!point) {
      refused.add({RejectReason::kBadTime, "its SessionTime is no time"}, "",
                  fmt::format("record {}", i + 1));
      continue;
    }
    if (auto sent = replay.send(point->time_ns, point->json, i); !sent) return sent;
  }
  return {};
}

void tell_about(const IbtPoints& points, const std::string& file) {
  if (points.is_dated_by_its_end()) {
    fmt::print(stderr,
               "{} was not closed, and does not say when it began: it is dated by when it "
               "was last written\n",
               file);
  }
  if (points.left_out().empty()) return;
  fmt::print(stderr, "left out, since a point has at most {} numbers: {}\n",
             Schema::kMaxFieldsPerPoint, fmt::join(points.left_out(), ", "));
}

}  // namespace

bool is_ibt(const std::filesystem::path& file) {
  std::filesystem::path name = file;
  if (name.extension() == ".gz" || name.extension() == ".zst") name.replace_extension();
  if (name.extension() == ".ibt") return true;
  std::string begin(IbtFile::kHeadBytes, '\0');
  std::ifstream in(file, std::ios::binary);
  return in.read(begin.data(), static_cast<std::streamsize>(begin.size())) && IbtFile::fits(begin);
}

int replay_ibt(const ReplayOptions& options, PointSender& sender, double speed) {
  const auto read = read_unpacked(options.source);
  if (!read) return tell_failure(kReplayIbt, read.error());
  const auto in_file = [&](const std::string& what) {
    return tell_failure(kReplayIbt, {fmt::format("{}: {}", options.source, what)});
  };
  const auto file = IbtFile::open(read->bytes);
  if (!file) {
    return read->fault.empty() ? in_file(file.error().message)
                               : tell_failure(kReplayIbt, {read->fault});
  }
  auto points = IbtPoints::open(*file, options.track, last_written_ns(options.source));
  if (!points) return in_file(points.error().message);
  tell_about(*points, options.source);
  PacedReplay replay(sender, speed, file->records());
  RefusalCounts refused;
  const auto outcome = send_records(*file, *points, replay, refused);
  refused.print();
  int code = finish_replay(replay, sender, outcome, outcome ? file->records() : 0, options,
                           refused.counts());
  if (file->records() == 0) code = in_file("it holds no record");
  if (!read->fault.empty()) code = tell_failure(kReplayIbt, {read->fault});
  if (!file->fault().empty()) code = in_file(file->fault() + ": what is whole was sent");
  return code;
}

}  // namespace slipstream
