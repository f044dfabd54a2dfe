// The durable log against the machine's own limit, in one run: a bare writer of the same blocks
// with the same distance of syncs; the time of a commit; the UDP path with the log on and off;
// reading back. docs/performance.md says how to read it.
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <random>
#include <stdexcept>

#include "codec/point_log_encoder.h"
#include "codec/testing.h"
#include "load.h"
#include "log/segment_log.h"
#include "pipeline/pipeline.h"
#include "pipeline/supervisor.h"
#include "point_texts.h"
#include "report.h"
#include "trial_size.h"
#include "udp_trial.h"

namespace slipstream::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kSyncEvery{10};
constexpr double kSeconds = 3;
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
constexpr std::uint32_t kCars = 20;
constexpr std::size_t kPayloadPoints = 4'000;
constexpr std::uint64_t kRecoveredPoints = 4'000'000;
constexpr std::size_t kCommits = 400;
constexpr std::size_t kCommitPoints = 60;
constexpr std::int64_t kStartNs = 1'757'000'000 * kNsPerSecond;

/// In whole payloads.
std::uint64_t recovered_points() {
  return trial_count(kRecoveredPoints) / kPayloadPoints * kPayloadPoints;
}

void must(bool held, const char* what) {
  if (!held) throw std::runtime_error(what);
}

class Directory {
 public:
  Directory() {
    std::string name =
        (std::filesystem::temp_directory_path() / "slipstream-bench-XXXXXX").string();
    must(mkdtemp(name.data()) != nullptr, "no temporary directory");
    path_ = name;
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(path_)) {
      if (file.is_regular_file()) sum += file.file_size();
    }
    return sum;
  }

 private:
  std::filesystem::path path_;
};

/// A file that takes bytes, and no more.
class BareFile {
 public:
  explicit BareFile(const Directory& directory)
      : fd_(open((directory.path() / "bare").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600)) {
    must(fd_ >= 0, "no file");
  }
  ~BareFile() { close(fd_); }
  void write(std::string_view bytes) {
    must(::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "write");
  }
  void sync() { must(fdatasync(fd_) == 0, "fdatasync"); }

 private:
  int fd_;
};

std::unique_ptr<SegmentLog> open_log(const Directory& directory) {
  auto log = SegmentLog::open(posix_file_system(), directory.path() / "log", {});
  must(log.has_value(), "no log");
  return std::move(*log);
}

/// Runs `write` over and over, `sync` every 10 ms and at the end; returns calls of write a second.
double writes_per_second(const std::function<void()>& write, const std::function<void()>& sync) {
  const auto begin = Clock::now();
  auto synced = begin;
  std::size_t writes = 0;
  while (Clock::now() - begin < std::chrono::duration<double>(trial_seconds(kSeconds))) {
    write();
    ++writes;
    if (Clock::now() - synced >= kSyncEvery) {
      sync();
      synced = Clock::now();
    }
  }
  sync();
  return static_cast<double>(writes) / std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Latency {
  double p50_ms, p99_ms;
};
Latency latency_of(const std::function<void()>& commit) {
  std::vector<double> ms;
  for (std::size_t i = 0; i < trial_count(kCommits); ++i) {
    const auto begin = Clock::now();
    commit();
    ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::ranges::sort(ms);
  return {ms[ms.size() / 2], ms[ms.size() * 99 / 100]};
}

LogBlock block_of(const SegmentLog& log, std::uint32_t count, std::string_view payload) {
  return {.base_offset = log.next_offset(),
          .count = count,
          .min_time_ns = kStartNs,
          .max_time_ns = kStartNs,
          .payload = payload};
}

/// Points as they come by UDP, 400 Hz a car, their values jumping about.
void add_points(codec_testing::Points& points, std::size_t count, std::int64_t first) {
  std::minstd_rand random(static_cast<unsigned>(first + 1));
  for (std::size_t i = 0; i < count; ++i) {
    std::string text = point_text(static_cast<std::uint32_t>(i % kCars), random() % 64, true);
    const std::int64_t ms =
        kStartNs / kNsPerMs + (first + static_cast<std::int64_t>(i)) / (kCars * 2 / 5);
    std::memcpy(text.data() + text.find(':') + 1, std::to_string(ms).data(), 13);
    points.add(std::move(text), {ms * kNsPerMs});
  }
}

std::string run_blocks() {
  std::string payload(kBlockBytes, '\0');
  std::minstd_rand random;
  for (char& c : payload) c = static_cast<char>(random() >> 8);
  std::vector<double> bares;
  std::vector<double> logs;
  for (std::size_t trial = 0; trial < kTrials; ++trial) {
    {
      const Directory directory;
      BareFile file(directory);
      bares.push_back(writes_per_second([&] { file.write(payload); }, [&] { file.sync(); }));
    }
    const Directory directory;
    const auto segments = open_log(directory);
    logs.push_back(writes_per_second(
        [&] { must(segments->append(block_of(*segments, 1, payload)).has_value(), "append"); },
        [&] { must(segments->sync().has_value(), "sync"); }));
  }
  std::ranges::sort(bares);
  std::ranges::sort(logs);
  const double bare = bares[kTrials / 2];
  const double log = logs[kTrials / 2];
  fmt::print("{:42} {:>12} {:>12} {:>7}\n", "", "bare", "log", "ratio");
  fmt::print("{:42} {:>12.0f} {:>12.0f} {:>7.2f}\n", "blocks of 1 MiB, MB/s", bare * 1.048576,
             log * 1.048576, log / bare);
  return fmt::format(R"("bare_mb_per_s":{:.0f},"log_mb_per_s":{:.0f})", bare * 1.048576,
                     log * 1.048576);
}

std::string run_points() {
  codec_testing::Points source;
  add_points(source, kPayloadPoints, 0);
  const auto batch = source.take();
  LogRows rows;
  PointLogEncoder encoder(source.schema().fields());
  std::string payload;
  const Directory directory;
  const auto log = open_log(directory);
  const double payloads = writes_per_second(
      [&] {
        rows.clear();
        rows.add_points(*batch, 0);
        encoder.encode(rows, payload);
        must(log->append(block_of(*log, rows.count(), payload)).has_value(), "append");
      },
      [&] { must(log->sync().has_value(), "sync"); });
  const double points = payloads * static_cast<double>(kPayloadPoints);
  const double bytes = static_cast<double>(log->bytes()) / static_cast<double>(log->next_offset());

  double bare = 0;
  {
    const Directory other;
    BareFile file(other);
    const std::string same(static_cast<std::size_t>(bytes * kPayloadPoints), 'x');
    bare = writes_per_second([&] { file.write(same); }, [&] { file.sync(); }) *
           static_cast<double>(kPayloadPoints);
  }
  fmt::print("{:42} {:>12.0f} {:>12.0f} {:>7.2f}\n", "points/s, encoded and compressed, one thread",
             bare, points, points / bare);
  fmt::print("{:42} {:>25.1f}\n", "bytes a point on disk, synthetic", bytes);
  return fmt::format(R"("points_per_s":{:.0f},"synthetic_bytes_per_point":{:.1f})", points, bytes);
}

std::string run_real_lap() {
  const char* given = std::getenv("SLIPSTREAM_TEST_DATA");
  const std::filesystem::path file =
      std::filesystem::path(given != nullptr ? given : SLIPSTREAM_SOURCE_DIR "/../shared/data") /
      "gr86_barber_r1.csv";
  if (!std::filesystem::exists(file)) {
    fmt::print("no real lap: SLIPSTREAM_TEST_DATA has no gr86_barber_r1.csv\n");
    return R"("real_lap_bytes_per_point":null)";
  }
  const Directory directory;
  const auto log = open_log(directory);
  LogRows rows;
  std::string payload;
  for (int laps = 0; laps < 20; ++laps) {
    codec_testing::Points source;
    PointLogEncoder encoder(source.schema().fields());
    source.add_export(file.string(), kPayloadPoints);
    const auto batch = source.take();
    for (Point& point : batch->points) point.event_time.ns += laps * 100 * kNsPerSecond;
    rows.clear();
    rows.add_points(*batch, 0);
    encoder.encode(rows, payload);
    must(log->append(block_of(*log, rows.count(), payload)).has_value(), "append");
  }
  must(log->sync().has_value(), "sync");
  const double bytes = static_cast<double>(log->bytes()) / static_cast<double>(log->next_offset());
  fmt::print("{:42} {:>25.1f}\n", "bytes a point on disk, real lap", bytes);
  return fmt::format(R"("real_lap_bytes_per_point":{:.1f})", bytes);
}

std::string run_commits() {
  codec_testing::Points source;
  add_points(source, kCommitPoints, 0);
  const auto batch = source.take();
  LogRows rows;
  rows.add_points(*batch, 0);
  PointLogEncoder encoder(source.schema().fields());
  std::string payload;
  encoder.encode(rows, payload);
  Latency bare{};
  {
    const Directory directory;
    BareFile file(directory);
    bare = latency_of([&] {
      file.write(payload);
      file.sync();
    });
  }
  const Directory directory;
  const auto log = open_log(directory);
  const Latency ours = latency_of([&] {
    encoder.encode(rows, payload);
    must(log->append(block_of(*log, rows.count(), payload)).has_value(), "append");
    must(log->sync().has_value(), "sync");
  });
  fmt::print("{:42} {:>12.2f} {:>12.2f}\n", "a commit of 60 points, p50 ms", bare.p50_ms,
             ours.p50_ms);
  fmt::print("{:42} {:>12.2f} {:>12.2f}\n", "a commit of 60 points, p99 ms", bare.p99_ms,
             ours.p99_ms);
  return fmt::format(R"("commit_p50_ms":{:.3f},"commit_p99_ms":{:.3f},"bare_p50_ms":{:.3f},)"
                     R"("bare_p99_ms":{:.3f})",
                     ours.p50_ms, ours.p99_ms, bare.p50_ms, bare.p99_ms);
}

struct Forget final : AcceptedSink, OutputSink {
  void accept(PointBatchPtr) override {}
  bool has_room() const override { return true; }
  void accept(Output output) override { rollups += output.rollups.size(); }
  std::size_t rollups = 0;
};

std::string run_recovery() {
  const Directory directory;
  auto log = open_log(directory);
  constexpr std::uint32_t kPartitions = 8;
  {
    LogRows rows;
    std::string payload;
    codec_testing::Points source({}, kPartitions);
    PointLogEncoder encoder(source.schema().fields());
    for (std::uint64_t first = 0; first < recovered_points(); first += kPayloadPoints) {
      add_points(source, kPayloadPoints, static_cast<std::int64_t>(first));
      rows.clear();
      for (std::uint32_t p = 0; p < kPartitions; ++p) {
        if (const auto batch = source.take(p)) rows.add_points(*batch, p);
      }
      encoder.encode(rows, payload);
      must(log->append(block_of(*log, rows.count(), payload)).has_value(), "append");
    }
    must(log->sync().has_value(), "sync");
  }
  SystemClock clock;
  IngestStats ingest;
  Schema schema;
  BatchPool pool;
  PipelineStats stats(3);
  Forget forget;
  Pipeline pipeline({.partitions = kPartitions, .workers = 1},
                    {.clock = clock,
                     .ingest = ingest,
                     .stats = stats,
                     .schema = schema,
                     .accepted = forget,
                     .outputs = forget,
                     .definitions = default_windows(),
                     .queue = {}},
                    [](PartitionId) { return PartitionObservers{}; });
  Supervisor supervisor({.log = log.get(),
                         .schema = schema,
                         .pool = pool,
                         .outputs = forget,
                         .load = nullptr,
                         .dead_letters = nullptr,
                         .warn = nullptr},
                        {});
  std::vector<Partition*> partitions;
  for (std::uint32_t p = 0; p < kPartitions; ++p) partitions.push_back(&pipeline.partition(p));
  const auto begin = Clock::now();
  const auto summary = supervisor.recover(partitions, log->next_offset(), nullptr);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  must(summary.has_value() && summary->points == recovered_points(), "recovery");
  const double rate = static_cast<double>(recovered_points()) / seconds;
  fmt::print("{:42} {:>25.0f}\n", "recovery: points/s read, decoded and folded", rate);
  return fmt::format(R"("recovery_points_per_s":{:.0f})", rate);
}

std::string run_udp() {
  fmt::print("\n{:26} {:>12} {:>12} {:>7} {:>10} {:>10}\n", "UDP path, points/s", "log off",
             "log on", "ratio", "off us", "on us");
  std::string json;
  for (const auto& [name, packing] : {std::pair{"one point a datagram", Packing::kOne},
                                      {"eight points a datagram", Packing::kEight},
                                      {"segmented bursts (GSO)", Packing::kSegmented}}) {
    std::vector<Trial> off;
    std::vector<Trial> on;
    for (std::size_t trial = 0; trial < kTrials; ++trial) {
      off.push_back(server_trial(packing, {{"DURABLE_LOG", "false"}}));
      on.push_back(server_trial(packing));
    }
    const Trial without = median(std::move(off));
    const Trial with = median(std::move(on));
    fmt::print("{:26} {:>12.0f} {:>12.0f} {:>7.2f} {:>10.2f} {:>10.2f}\n", name,
               without.points_per_second, with.points_per_second,
               with.points_per_second / without.points_per_second, without.cpu_us_per_point,
               with.cpu_us_per_point);
    json += fmt::format(R"({}{{"name":"{}","off_per_s":{:.0f},"on_per_s":{:.0f},"off_cpu_us":)"
                        R"({:.3f},"on_cpu_us":{:.3f}}})",
                        json.empty() ? "" : ",", name, without.points_per_second,
                        with.points_per_second, without.cpu_us_per_point, with.cpu_us_per_point);
  }
  return R"("udp":[)" + json + "]";
}

}  // namespace
}  // namespace slipstream::bench

int main(int argc, char** argv) {
  using namespace slipstream::bench;
  const Report report(argc, argv);
  std::string json;
  const auto part = [&](const char* name, std::string (*run)()) {
    if (report.wants(name)) json += (json.empty() ? "" : ",") + run();
  };
  part("blocks", run_blocks);
  part("points", run_points);
  part("lap", run_real_lap);
  part("commits", run_commits);
  part("recovery", run_recovery);
  part("udp", run_udp);
  return report.finish("{" + json + "}");
}
