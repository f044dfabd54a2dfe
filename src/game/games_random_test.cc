// Bytes that are nearly a game's: random ones, captured ones with bits flipped and cut off.
// Whatever they are, nothing ends the process, what is kept stays bounded, and no car is told that
// no packet has. SLIPSTREAM_GAME_PACKETS: so many of each layout (1,000,000 before a release).
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <set>

#include "base/check.h"
#include "game/f1_layout.h"
#include "game/games.h"
#include "game/senders.h"

namespace slipstream::game {
namespace {

std::size_t packets_of_each() {
  const char* const given = std::getenv("SLIPSTREAM_GAME_PACKETS");
  return given == nullptr ? 3'000 : static_cast<std::size_t>(std::atoll(given));
}

/// Holds what it is told to what may be told.
class Judge final : public GameSink {
 public:
  void point(const GamePoint& point) override {
    ++points_;
    ASSERT_FALSE(point.track.empty());
    ASSERT_FALSE(point.chassis.empty());
    ASSERT_LE(point.chassis.size(), 128u);
    std::set<ColumnId> seen;
    for (const auto& [value, column] : point.numbers) {
      ASSERT_LT(column, kColumnCount);
      ASSERT_EQ(value - value, 0) << kColumns[column];
      ASSERT_TRUE(seen.insert(column).second) << kColumns[column] << " stands twice";
    }
  }
  void mark(Mark mark) override {
    ++marks_;
    EXPECT_FALSE(mark.kind.empty());
    EXPECT_FALSE(mark.track.empty());
  }
  std::size_t points() const { return points_; }
  std::size_t marks() const { return marks_; }

 private:
  std::size_t points_ = 0;
  std::size_t marks_ = 0;
};

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : engine_(seed) {}
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(engine_() % bound); }
  std::uint64_t any() { return engine_(); }
  void fill(std::string& bytes) {
    for (char& c : bytes) c = static_cast<char>(engine_());
  }

 private:
  std::mt19937 engine_;
};

template <typename T>
void put(std::string& bytes, std::size_t at, T value) {
  if (at + sizeof value <= bytes.size()) std::memcpy(bytes.data() + at, &value, sizeof value);
}

/// Memory behind which there is none: whatever reads on ends the process.
class Edge {
 public:
  Edge() {
    void* const at =
        mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED, "two pages can be had");
    begin_ = static_cast<char*>(at);
    CHECK(mprotect(begin_ + kPage, kPage, PROT_NONE) == 0, "the second can be closed");
  }
  ~Edge() { munmap(begin_, 2 * kPage); }
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;

  /// Ends where the memory does.
  std::string_view put(std::string_view bytes) {
    char* const at = begin_ + kPage - bytes.size();
    std::memcpy(at, bytes.data(), bytes.size());
    return {at, bytes.size()};
  }

 private:
  static constexpr std::size_t kPage = 4'096;
  char* begin_ = nullptr;
};

TEST(RandomGames, F1PacketsOfEveryLayoutHarmNothing) {
  Chance chance(1);
  for (const F1Format& format : f1_formats()) {
    GameStats stats;
    Games games(stats);
    Judge judge;
    Edge edge;
    ArrivalTime now{1'760'000'000'000'000'000};
    std::uint32_t frame = 0;
    const std::size_t each = packets_of_each();
    for (std::size_t n = 0; n < each * 8; ++n) {
      const auto id = static_cast<std::uint8_t>(chance.below(F1Format::kPacketIds));
      if (format.sizes[id] == 0) continue;
      std::string bytes(format.sizes[id], '\0');
      chance.fill(bytes);
      put(bytes, 0, format.year);
      put(bytes, 6, id);
      // Mostly one session and frames that rise, so that some are whole; else anything.
      if (chance.below(20) != 0) put(bytes, 7, std::uint64_t{1} + chance.below(2));
      if (chance.below(10) != 0) put(bytes, 15, static_cast<float>(frame) / 60);
      if (chance.below(20) != 0) {
        frame += chance.below(4) == 0 ? 1 : 0;
        put(bytes, 23, frame - chance.below(3));
      }
      if (chance.below(30) == 0) bytes.resize(chance.below(1'500));
      now.ns += chance.below(5'000'000);
      games.take(edge.put(bytes), {chance.below(3), now}, judge);
      if (HasFatalFailure()) return;
    }
    games.flush({now.ns + kNsPerSecond}, judge);
    EXPECT_FALSE(games.deadline());
    EXPECT_GT(judge.points(), 0u) << format.year;
    EXPECT_GT(judge.marks(), 0u) << format.year;
  }
}

TEST(RandomGames, OneCarPacketsOfEveryLayoutHarmNothing) {
  Chance chance(2);
  for (const std::size_t size : {232u, 311u, 324u, 331u, 296u, 316u, 344u, 368u}) {
    GameStats stats;
    Games games(stats);
    Judge judge;
    Edge edge;
    ArrivalTime now{1'760'000'000'000'000'000};
    const std::size_t each = packets_of_each();
    for (std::size_t n = 0; n < each; ++n) {
      std::string bytes(size, '\0');
      chance.fill(bytes);
      if (chance.below(4) != 0) put(bytes, 0, std::uint32_t{1});
      if (size == 296 || size == 316 || size == 344 || size == 368) {
        // Without the key nothing looks like Gran Turismo.
        put(bytes, 0, std::uint32_t{0x47375330});
        put(bytes, 142, static_cast<std::uint16_t>(chance.below(16)));
        bytes = encrypt_gt7(bytes, chance.below(1'000));
      }
      if (chance.below(30) == 0) bytes.resize(chance.below(400));
      now.ns += 16'000'000;
      games.take(edge.put(bytes), {chance.below(3), now}, judge);
      if (HasFatalFailure()) return;
    }
    EXPECT_GT(judge.points(), 0u) << size;
  }
}

TEST(Senders, AreBoundedAndForgotten) {
  Senders<int> senders;
  const auto make = [] { return std::make_unique<int>(0); };
  ArrivalTime now{1'760'000'000'000'000'000};
  for (std::uint64_t sender = 0; sender < Senders<int>::kMost; ++sender) {
    ASSERT_NE(senders.find(sender, now, make), nullptr);
  }
  EXPECT_EQ(senders.find(1'000, now, make), nullptr) << "all are busy";
  *senders.find(7, now, make) = 5;
  now.ns += Senders<int>::kBusyNs + 1;
  EXPECT_EQ(*senders.find(7, now, make), 5);
  EXPECT_NE(senders.find(1'000, now, make), nullptr) << "in the place of one that is silent";
  EXPECT_EQ(senders.size(), Senders<int>::kMost);
  now.ns += Senders<int>::kForgottenNs + 1;
  EXPECT_EQ(*senders.find(7, now, make), 0) << "begun anew";
  senders.find(2'000, now, make);
  EXPECT_EQ(senders.size(), 2u);
}

TEST(PackedReader, ReadsZeroWhereNothingIs) {
  const std::string_view bytes("\x01\x02\x03\x04\x05", 5);
  const PackedReader little(bytes);
  EXPECT_EQ(little.read<std::uint32_t>(0), 0x04030201u);
  EXPECT_EQ(little.read<std::uint32_t>(1), 0x05040302u);
  EXPECT_EQ(little.read<std::uint32_t>(2), 0u);
  EXPECT_EQ(little.read<std::uint8_t>(static_cast<std::size_t>(-1)), 0u);
  EXPECT_EQ(little.text(3, 100), "\x04\x05");
  EXPECT_EQ(little.text(6, 1), "");
  const PackedReader big(bytes, std::endian::big);
  EXPECT_EQ(big.read<std::uint32_t>(0), 0x01020304u);
  EXPECT_EQ(big.read<std::uint8_t>(4), 5u);
}

}  // namespace
}  // namespace slipstream::game
