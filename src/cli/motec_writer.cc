#include "cli/motec_writer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace slipstream {
namespace {

// Where the parts of a log are, and what a header's constants are that readers look for: what those
// who read such files have found out, since the format is not published.
constexpr std::size_t kHeaderBytes = 1'762;
constexpr std::size_t kEventBytes = 1'154;
constexpr std::size_t kVenueBytes = 1'100;
constexpr std::size_t kVehicleBytes = 260;
constexpr std::size_t kChannelBytes = 124;
constexpr std::size_t kEventAt = kHeaderBytes;
constexpr std::size_t kVenueAt = kEventAt + kEventBytes;
constexpr std::size_t kVehicleAt = kVenueAt + kVenueBytes;
constexpr std::size_t kChannelsAt = kVehicleAt + kVehicleBytes;

constexpr std::uint16_t kFloat = 7;       // the kind of a value
constexpr std::uint16_t kFloatBytes = 4;  // and its size
constexpr std::uint16_t kFirstChannelId = 12'001;

/// Bytes that are written at their places; what nobody writes is 0.
class Block {
 public:
  explicit Block(std::size_t bytes) : bytes_(bytes, '\0') {}

  void put16(std::size_t at, std::uint16_t value) { put(at, value, 2); }
  void put32(std::size_t at, std::size_t value) { put(at, value, 4); }
  /// The rest of its `size` bytes stays 0.
  void put_text(std::size_t at, std::size_t size, std::string_view text) {
    std::size_t length = 0;
    for (const char c : text) {
      if ((c & 0xC0) == 0x80) continue;  // goes on with the character before
      if (length == size) return;
      bytes_[at + length++] = c >= ' ' && c <= '~' ? c : '?';
    }
  }
  std::string take() { return std::move(bytes_); }

 private:
  void put(std::size_t at, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      bytes_[at + i] = static_cast<char>(value >> (8 * i) & 0xFF);
    }
  }

  std::string bytes_;
};

std::string header(const MotecLog& log, std::size_t values_at) {
  const auto time = fmt::gmtime(static_cast<std::time_t>(
      std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds(log.began.ns)).count()));
  Block block(kHeaderBytes);
  block.put32(0, 0x40);
  block.put32(8, log.channels.empty() ? 0 : kChannelsAt);
  block.put32(12, values_at);
  block.put32(36, kEventAt);
  block.put16(64, 1);
  block.put16(66, 0x4240);
  block.put16(68, 15);
  block.put32(70, 8'004);        // the logger's serial number
  block.put_text(74, 8, "ADL");  // its type
  block.put16(82, 420);          // and its version
  block.put16(84, 0xADB0);
  block.put32(86, log.channels.size());
  block.put_text(94, 16, fmt::format("{:%d/%m/%Y}", time));
  block.put_text(126, 16, fmt::format("{:%H:%M:%S}", time));
  block.put_text(158, 64, log.driver);
  block.put_text(222, 64, log.vehicle);
  block.put_text(350, 64, log.venue);
  block.put32(1'502, 0xC81A4);  // without it i2 takes no log of a game
  block.put_text(1'572, 64, log.comment);
  return block.take();
}

std::string event(const MotecLog& log) {
  Block block(kEventBytes);
  block.put_text(0, 64, log.event);
  block.put_text(64, 64, log.session);
  block.put_text(128, 1'024, log.description);
  block.put16(1'152, kVenueAt);
  return block.take();
}

std::string venue(const MotecLog& log) {
  Block block(kVenueBytes);
  block.put_text(0, 64, log.venue);
  block.put16(1'098, kVehicleAt);
  return block.take();
}

std::string vehicle(const MotecLog& log) {
  Block block(kVehicleBytes);
  block.put_text(0, 64, log.vehicle);
  return block.take();
}

std::string channel(const MotecLog& log, std::size_t i, std::size_t values_at) {
  const MotecChannel& channel = log.channels[i];
  const std::size_t here = kChannelsAt + i * kChannelBytes;
  const bool is_last = i + 1 == log.channels.size();
  Block block(kChannelBytes);
  block.put32(0, i == 0 ? 0 : here - kChannelBytes);
  block.put32(4, is_last ? 0 : here + kChannelBytes);
  block.put32(8, values_at);
  block.put32(12, channel.samples);
  block.put16(16, static_cast<std::uint16_t>(kFirstChannelId + i));
  block.put16(18, kFloat);
  block.put16(20, kFloatBytes);
  block.put16(22, channel.rate_hz);
  block.put16(24, 0);  // shift
  block.put16(26, 1);  // factor
  block.put16(28, 1);  // scale
  block.put16(30, 0);  // decimals
  block.put_text(32, 32, channel.name);
  block.put_text(64, 8, channel.short_name);
  block.put_text(72, 12, channel.unit);
  return block.take();
}

/// Minutes, seconds and thousandths.
std::string lap_time_text(double seconds) {
  const auto ms = std::llround(seconds * 1e3);
  return fmt::format("{}:{:02}.{:03}", ms / 60'000, ms / 1'000 % 60, ms % 1'000);
}

}  // namespace

Result<std::string> motec_head(const MotecLog& log) {
  const std::size_t begin = kChannelsAt + log.channels.size() * kChannelBytes;
  std::string out = header(log, begin) + event(log) + venue(log) + vehicle(log);
  std::size_t values_at = begin;
  for (std::size_t i = 0; i < log.channels.size(); ++i) {
    out += channel(log, i, values_at);
    values_at += std::size_t{log.channels[i].samples} * kFloatBytes;
  }
  if (values_at > std::numeric_limits<std::uint32_t>::max()) {
    return fail("a MoTeC log of more than 4 GiB cannot be: ask for a lap of it",
                ErrorCode::kRefused);
  }
  return out;
}

void append_motec_values(std::string& out, std::span<const float> values) {
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (unsigned shift = 0; shift < 32; shift += 8) out += static_cast<char>(bits >> shift & 0xFF);
  }
}

std::string motec_beacons(std::span<const MotecLap> laps) {
  std::vector<std::int64_t> crossings;
  const MotecLap* fastest = nullptr;
  for (const MotecLap& lap : laps) {
    if (lap.begins_at_line) crossings.push_back(std::llround(lap.from_s * 1e6));
    if (lap.ends_at_line) crossings.push_back(std::llround(lap.to_s * 1e6));
    if (!lap.lap_time_s) continue;
    if (fastest == nullptr || *lap.lap_time_s < *fastest->lap_time_s) fastest = &lap;
  }
  std::ranges::sort(crossings);
  const auto twice = std::ranges::unique(crossings);
  crossings.erase(twice.begin(), twice.end());
  std::string markers;
  for (std::size_t i = 0; i < crossings.size(); ++i) {
    markers += fmt::format(
        "     <Marker Version=\"100\" ClassName=\"BCN\" Name=\"Lap.{}\" Flags=\"77\" "
        "Time=\"{}\"/>\n",
        i + 1, crossings[i]);
  }
  std::string details = fmt::format("   <String Id=\"Total Laps\" Value=\"{}\"/>\n", laps.size());
  if (fastest != nullptr) {
    details += fmt::format(
        "   <String Id=\"Fastest Time\" Value=\"{}\"/>\n"
        "   <String Id=\"Fastest Lap\" Value=\"{}\"/>\n",
        lap_time_text(*fastest->lap_time_s), fastest->number);
  }
  return fmt::format(R"(<?xml version="1.0" encoding="utf-8"?>
<LDXFile Locale="C" DefaultLocale="C" Version="1.6">
 <Layers>
  <Layer>
   <MarkerBlock>
    <MarkerGroup Name="Beacons" Index="3">
{}    </MarkerGroup>
   </MarkerBlock>
   <RangeBlock/>
  </Layer>
  <Details>
{}  </Details>
 </Layers>
</LDXFile>
)",
                     markers, details);
}

}  // namespace slipstream
