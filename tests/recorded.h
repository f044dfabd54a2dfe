#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <regex>
#include <string>
#include <vector>

#include "base/iso_time.h"
#include "harness.h"
#include "log/segment.h"
#include "log/segment_scanner.h"
#include "program.h"

namespace slipstream::harness {

inline constexpr std::int64_t kBeginNs = 1'757'032'100 * kNsPerSecond;
inline constexpr int kBodies = 6;
inline constexpr int kPointsPerBody = 40;

/// A point as an export writes it; every tenth has texts.
inline std::string point(int n) {
  const char* const machines[] = {R"("track":"cota","chassis":"GR86-01")",
                                  R"("track":"cota","chassis":"GR86-02")",
                                  R"("track":"barber","chassis":"rover, \"7\"")"};
  return fmt::format(R"({{"meta_time":"{}",{},"lap":{},"sector":{},"speed_kmh":{}{}}})",
                     iso_time(kBeginNs + n * 50 * kNsPerMs), machines[n % 3], 1 + n / 120,
                     n / 60 % 3, 100 + n * 0.25,
                     n % 10 == 0 ? fmt::format(R"(,"driver":"Ann \"{}\", jr","gear":3)", n)
                                 : fmt::format(R"(,"gear":{})", n % 6));
}

inline std::vector<std::string> all_points() {
  std::vector<std::string> points;
  for (int n = 0; n < kBodies * kPointsPerBody; ++n) points.push_back(point(n));
  return points;
}

/// The blocks of a segment.
inline std::vector<Piece> blocks_of(const std::filesystem::path& log, const SegmentInfo& segment) {
  SegmentScanner scanner(posix_file_system().open_read(log / segment.name).value(),
                         segment.base_offset, segment.bytes);
  std::vector<Piece> pieces;
  while (true) {
    auto piece = scanner.next().value();
    if (piece.kind == PieceKind::kEnd) return pieces;
    pieces.push_back(std::move(piece));
  }
}

/// Where the payload of a block has a byte.
inline std::uint64_t in_payload(const Piece& block) {
  return block.position + block.header.bytes() + 5;
}

/// Where the offsets end that are lost with a block: behind the blocks that lean on it.
inline std::uint64_t lost_to(const std::vector<Piece>& blocks, const Piece& block) {
  std::uint64_t end = *block.to;
  for (const Piece& next : blocks) {
    if (next.from == end && next.header.leans()) end = *next.to;
  }
  return end;
}

/// A data directory in which a server has taken all_points(), a block or more of the log a body.
class Recorded {
 public:
  Recorded() {
    Server server({{"DATA_DIR", data().string()}});
    const auto points = all_points();
    for (int body = 0; body < kBodies; ++body) {
      std::string text;
      for (int i = 0; i < kPointsPerBody; ++i) text += points[body * kPointsPerBody + i] + "\n";
      EXPECT_EQ(http(server.port(), "POST", "/api/ingest", text,
                     {{"Content-Type", "application/x-ndjson"}})
                    .status,
                200u);
    }
    server.stop();
  }
  /// Goes on in segments of the least size, and fills several.
  void fill_segments() const {
    Server server({{"DATA_DIR", data().string()}, {"SEGMENT_BYTES", "65536"}});
    std::mt19937 random(1);
    for (int body = 0; body < 4; ++body) {
      std::string note;
      while (note.size() < 60'000) note += fmt::format("{:08x}", random());
      std::string text;
      for (int i = 0; i < 4; ++i) {
        std::ranges::shuffle(note, random);
        text += fmt::format(R"({{"track":"cota","chassis":"big","note":"{}"}})", note) + "\n";
      }
      EXPECT_EQ(http(server.port(), "POST", "/api/ingest", text,
                     {{"Content-Type", "application/x-ndjson"}})
                    .status,
                200u);
    }
    server.stop();
  }

  const TemporaryDirectory& directory() const { return directory_; }
  std::filesystem::path data() const { return directory_.path() / "data"; }
  std::filesystem::path log() const { return data() / "log"; }
  std::vector<SegmentInfo> segments() const {
    return list_segments(posix_file_system(), log()).value();
  }
  std::vector<Piece> blocks(const SegmentInfo& segment) const { return blocks_of(log(), segment); }
  void overwrite(const SegmentInfo& segment, std::uint64_t at, std::string_view bytes) const {
    std::fstream file(log() / segment.name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  void flip(const SegmentInfo& segment, std::uint64_t at) const {
    std::ifstream in(log() / segment.name, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(at));
    overwrite(segment, at, std::string(1, static_cast<char>(in.get() ^ 1)));
  }

 private:
  TemporaryDirectory directory_;
};

struct Ran {
  int code = 0;
  std::string output;
};
inline Ran run(const TemporaryDirectory& directory, std::vector<std::string> arguments) {
  Program program(directory, std::move(arguments));
  const int code = program.exit_code();
  return {code, program.output()};
}

inline std::vector<std::string> lines(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

inline std::vector<std::string> sorted(std::vector<std::string> all) {
  std::ranges::sort(all);
  return all;
}

/// Stored rollups but for their ids.
inline std::vector<std::string> rollups(const TemporaryDirectory& directory,
                                        const std::filesystem::path& data) {
  const auto file = directory.path() / "rollups.ndjson";
  EXPECT_EQ(run(directory,
                {"export", "--what", "rollups", "--data", data.string(), "--output", file.string()})
                .code,
            0);
  static const std::regex id(R"(,"window_id":"[0-9a-f]+")");
  std::vector<std::string> all;
  for (const auto& line : lines(file)) all.push_back(std::regex_replace(line, id, ""));
  return sorted(std::move(all));
}

}  // namespace slipstream::harness
