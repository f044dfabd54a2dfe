// What a point costs on its way into the log and out of it, and how many bytes it takes there, each
// step next to a copy of the same bytes in memory, which is the machine's limit.
#include <fmt/format.h>
#include <zstd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <stdexcept>

#include "codec/point_log_decoder.h"
#include "codec/point_log_encoder.h"
#include "codec/testing.h"
#include "load.h"
#include "point_texts.h"
#include "report.h"
#include "trial_size.h"

namespace slipstream::bench {
namespace {

constexpr std::uint32_t kCars = 20;
constexpr std::size_t kPayloadPoints = 4'000;
constexpr std::int64_t kStartNs = 1'757'000'000 * kNsPerSecond;
constexpr std::size_t kBlockHeader = 64;
constexpr double kSeconds = 0.5;
constexpr int kRounds = 3;

/// Nanoseconds a point, of the fastest of several rounds: others share the machine.
double measure(std::size_t points, const std::function<void()>& step) {
  using Clock = std::chrono::steady_clock;
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::size_t done = 0;
    const auto begin = Clock::now();
    std::chrono::duration<double, std::nano> elapsed{};
    while (elapsed.count() < trial_seconds(kSeconds) * 1e9) {
      step();
      done += points;
      elapsed = Clock::now() - begin;
    }
    const double ns = elapsed.count() / static_cast<double>(done);
    best = round == 0 ? ns : std::min(best, ns);
  }
  return best;
}

double copy_of(std::size_t points, std::size_t bytes) {
  std::string from(bytes, 'x');
  std::string to(bytes, '\0');
  return measure(points, [&] {
    std::memcpy(to.data(), from.data(), bytes);
    from[0] = to[bytes - 1];  // so that no copy can be left out
  });
}

struct Figures {
  double copy_ns, copy_limit, encode_ns, encode_limit, zstd_ns, decode_ns, decode_limit;
  double payload_bytes, block_bytes;
};

Figures figures(codec_testing::Points& source) {
  const PointBatchPtr batch = source.take();
  const std::size_t points = batch->points.size();
  const auto per_point = [&](std::size_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(points);
  };
  Figures f{};
  LogRows rows;
  f.copy_ns = measure(points, [&] {
    rows.clear();
    rows.add_points(*batch, 0);
  });
  f.copy_limit = f.encode_limit = copy_of(points, rows.bytes());

  PointLogEncoder encoder(source.schema().fields());
  std::string payload;
  f.encode_ns = measure(points, [&] { encoder.encode(rows, payload); });
  f.payload_bytes = per_point(payload.size());

  std::string block(ZSTD_compressBound(payload.size()), '\0');
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  std::size_t size = 0;
  f.zstd_ns = measure(points, [&] {
    size =
        ZSTD_compressCCtx(context, block.data(), block.size(), payload.data(), payload.size(), 1);
  });
  ZSTD_freeCCtx(context);
  f.block_bytes = per_point(size + kBlockHeader);

  BatchPool pool;
  PointLogDecoder decoder(source.schema().fields(), pool);
  std::size_t decoded_bytes = 0;
  f.decode_ns = measure(points, [&] {
    if (!decoder.open(payload)) throw std::runtime_error("the payload is not read back");
    decoded_bytes = 0;
    LogEntry entry;
    while (decoder.next(entry)) {
      decoded_bytes += entry.points->bytes();
      pool.put(std::move(entry.points));
    }
  });
  f.decode_limit = copy_of(points, decoded_bytes);
  return f;
}

Figures synthetic() {
  codec_testing::Points points;
  std::minstd_rand random;  // values that jump about, which is worse than any real ones
  for (std::size_t i = 0; i < kPayloadPoints; ++i) {
    std::string text = point_text(static_cast<std::uint32_t>(i % kCars), random() % 64, true);
    text.pop_back();
    text += fmt::format(R"(,"aps":{:.1f},"gear":{}}})", static_cast<double>(random() % 1'000) / 10,
                        random() % 6);
    const std::int64_t ms = kStartNs / kNsPerMs + static_cast<std::int64_t>(i / 400);
    std::memcpy(text.data() + text.find(':') + 1, std::to_string(ms).data(), 13);
    points.add(std::move(text), {ms * kNsPerMs + 123'456});
  }
  return figures(points);
}

std::optional<Figures> real_lap() {
  const char* given = std::getenv("SLIPSTREAM_TEST_DATA");
  const std::filesystem::path file =
      std::filesystem::path(given != nullptr ? given : SLIPSTREAM_SOURCE_DIR "/../shared/data") /
      "gr86_barber_r1.csv";
  if (!std::filesystem::exists(file)) return std::nullopt;
  codec_testing::Points points;
  points.add_export(file.string(), kPayloadPoints);
  return figures(points);
}

std::string print(const char* name, const char* key, const Figures& f) {
  const auto line = [](const char* step, double ns, double limit) {
    fmt::print("  {:28} {:>8.1f} {:>12.1f}\n", step, ns, limit);
  };
  fmt::print("{:30} {:>8} {:>12}\n", name, "ns", "memcpy ns");
  line("copy into rows", f.copy_ns, f.copy_limit);
  line("encode rows", f.encode_ns, f.encode_limit);
  line("compress, zstd level 1", f.zstd_ns, f.encode_limit);
  line("decode", f.decode_ns, f.decode_limit);
  fmt::print("  {:28} {:>8.1f} {:>12.1f}\n", "bytes: payload, block", f.payload_bytes,
             f.block_bytes);
  return fmt::format(R"("{}":{{"copy_ns":{:.1f},"copy_limit_ns":{:.1f},"encode_ns":{:.1f},)"
                     R"("zstd_ns":{:.1f},"decode_ns":{:.1f},"decode_limit_ns":{:.1f},)"
                     R"("payload_bytes":{:.1f},"block_bytes":{:.1f}}})",
                     key, f.copy_ns, f.copy_limit, f.encode_ns, f.zstd_ns, f.decode_ns,
                     f.decode_limit, f.payload_bytes, f.block_bytes);
}

}  // namespace
}  // namespace slipstream::bench

int main(int argc, char** argv) {
  using namespace slipstream::bench;
  const Report report(argc, argv);
  std::string json = "{" + print("a point of 20 cars, 8 fields", "synthetic", synthetic());
  if (const auto lap = real_lap()) {
    json += "," + print("a point of a lap, 9-12 fields", "real_lap", *lap);
  } else {
    fmt::print("no real lap: SLIPSTREAM_TEST_DATA has no gr86_barber_r1.csv\n");
  }
  return report.finish(json + "}");
}
