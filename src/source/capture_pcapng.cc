#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "source/capture_parts.h"

namespace slipstream {
namespace {

enum BlockType : std::uint32_t {
  kSection = 0x0a0d0d0a,
  kInterface = 1,
  kPacketOld = 2,
  kPacketSimple = 3,
  kPacket = 6,
};

constexpr std::size_t kBlockHead = 8;
constexpr std::size_t kBlockFrame = 12;  ///< its length stands behind it once more

struct Interface {
  std::uint32_t link = 0;
  std::uint32_t snap_bytes = 0;  ///< packets are cut to it; 0: they are not
  double units_per_second = 1e6;
  std::uint64_t whole_units = 1'000'000;  ///< the same, where it is so few that sums are exact
  std::int64_t offset_s = 0;

  std::int64_t time_ns(std::uint64_t ticks) const {
    constexpr std::int64_t kLatestSecond = 9'000'000'000;
    std::uint64_t seconds;
    std::int64_t rest_ns;
    if (whole_units != 0) {
      seconds = ticks / whole_units;
      rest_ns = static_cast<std::int64_t>(ticks % whole_units * kNsPerSecond / whole_units);
    } else {
      const double all = static_cast<double>(ticks) / units_per_second;
      seconds = static_cast<std::uint64_t>(all);
      rest_ns = static_cast<std::int64_t>((all - static_cast<double>(seconds)) * 1e9);
    }
    const auto whole =
        static_cast<std::int64_t>(std::min(seconds, static_cast<std::uint64_t>(kLatestSecond)));
    const auto shifted = std::clamp(offset_s, -kLatestSecond, kLatestSecond) + whole;
    return std::clamp(shifted, std::int64_t{0}, kLatestSecond) * kNsPerSecond + rest_ns;
  }
};

/// Option if_tsresol: a power of ten, or of two where the highest bit is set.
void set_resolution(Interface& interface, std::uint8_t resolution) {
  const unsigned power = resolution & 0x7f;
  const double base = (resolution & 0x80) != 0 ? 2 : 10;
  double units = 1;
  for (unsigned i = 0; i < power; ++i) units *= base;
  constexpr double kExact = 1e10;  // times 1e9 it still fits
  interface.units_per_second = units;
  interface.whole_units = units <= kExact ? static_cast<std::uint64_t>(units) : 0;
}

/// A section's reader: its byte order and interfaces are its own.
class Section {
 public:
  Section(bool is_swapped, CaptureBuilder& builder) : is_swapped_(is_swapped), builder_(builder) {}

  /// False: the block's body is shorter than what it has to hold.
  bool take(std::uint32_t type, std::string_view body) {
    switch (type) {
      case kInterface:
        return take_interface(body);
      case kPacket:
        return take_packet(
            body, body.size() < 4 ? 0 : OrderedBytes(body, is_swapped_).at<std::uint32_t>(0));
      case kPacketOld:
        return take_packet(
            body, body.size() < 2 ? 0 : OrderedBytes(body, is_swapped_).at<std::uint16_t>(0));
      case kPacketSimple:
        return take_simple(body);
      default:
        return true;  // names, statistics, secrets, and what else there is
    }
  }

 private:
  bool take_interface(std::string_view body) {
    constexpr std::size_t kHead = 8;
    if (body.size() < kHead) return false;
    const OrderedBytes head(body, is_swapped_);
    Interface interface{.link = head.at<std::uint16_t>(0), .snap_bytes = head.at<std::uint32_t>(4)};
    for (std::size_t at = kHead; body.size() - at >= 4;) {
      const OrderedBytes option(body.substr(at), is_swapped_);
      const auto code = option.at<std::uint16_t>(0);
      const std::size_t length = option.at<std::uint16_t>(2);
      if (body.size() - at - 4 < length) return false;
      constexpr std::uint16_t kEnd = 0;
      constexpr std::uint16_t kResolution = 9;
      constexpr std::uint16_t kOffset = 14;
      if (code == kEnd) break;
      if (code == kResolution && length == 1) {
        set_resolution(interface, static_cast<std::uint8_t>(body[at + 4]));
      }
      if (code == kOffset && length == 8) {
        interface.offset_s = static_cast<std::int64_t>(option.at<std::uint64_t>(4));
      }
      at += std::min(4 + (length + 3) / 4 * 4, body.size() - at);
    }
    interfaces_.push_back(interface);
    return true;
  }

  bool take_packet(std::string_view body, std::size_t number) {
    constexpr std::size_t kHead = 20;
    if (body.size() < kHead || number >= interfaces_.size()) return false;
    const OrderedBytes head(body, is_swapped_);
    const std::uint64_t ticks =
        std::uint64_t{head.at<std::uint32_t>(4)} << 32 | head.at<std::uint32_t>(8);
    const auto length = head.at<std::uint32_t>(12);
    if (length > CaptureBuilder::kMaxPacketBytes || body.size() - kHead < length) return false;
    const Interface& interface = interfaces_[number];
    time_ns_ = interface.time_ns(ticks);
    builder_.take(time_ns_, interface.link, body.substr(kHead, length), head.at<std::uint32_t>(16));
    return true;
  }

  /// One without a time: that of the packet before it.
  bool take_simple(std::string_view body) {
    constexpr std::size_t kHead = 4;
    if (body.size() < kHead || interfaces_.empty()) return false;
    const auto original = OrderedBytes(body, is_swapped_).at<std::uint32_t>(0);
    const Interface& interface = interfaces_.front();
    std::size_t length = std::min<std::size_t>(original, body.size() - kHead);
    if (interface.snap_bytes != 0) length = std::min<std::size_t>(length, interface.snap_bytes);
    builder_.take(time_ns_, interface.link, body.substr(kHead, length), original);
    return true;
  }

  const bool is_swapped_;
  CaptureBuilder& builder_;
  std::vector<Interface> interfaces_;
  std::int64_t time_ns_ = 0;
};

}  // namespace

void read_pcapng(std::string_view bytes, CaptureBuilder& builder) {
  constexpr std::uint32_t kOrder = 0x1a2b3c4d;
  constexpr std::size_t kSectionHead = 16;
  std::optional<Section> section;
  bool is_swapped = false;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string_view rest = bytes.substr(at);
    if (rest.size() < kBlockFrame)
      return builder.stop_at(at, "the file ends within a block's head");
    // The same whatever the order is.
    const bool is_section = OrderedBytes(rest, false).at<std::uint32_t>(0) == kSection;
    if (is_section) {
      const auto order = OrderedBytes(rest, false).at<std::uint32_t>(8);
      is_swapped = order != kOrder;
      if (is_swapped && std::byteswap(order) != kOrder) {
        return builder.stop_at(at, "a section's byte order is none");
      }
      if (rest.size() >= kSectionHead) {
        const auto version = OrderedBytes(rest, is_swapped).at<std::uint16_t>(12);
        if (version != 1) {
          return builder.stop_at(
              at, fmt::format("pcapng of version {}, this program knows 1", version));
        }
      }
      section.emplace(is_swapped, builder);
    }
    const OrderedBytes head(rest, is_swapped);
    const auto type = head.at<std::uint32_t>(0);
    const std::size_t length = head.at<std::uint32_t>(4);
    if (length < kBlockFrame || length % 4 != 0) {
      return builder.stop_at(at, fmt::format("a block of {} bytes cannot be", length));
    }
    if (rest.size() < length) return builder.stop_at(at, "the file ends within a block");
    if (head.at<std::uint32_t>(length - 4) != length) {
      return builder.stop_at(at, "a block's two lengths are not the same");
    }
    if (!section) return builder.stop_at(at, "it begins with no section");
    const auto body = rest.substr(kBlockHead, length - kBlockFrame);
    if (!is_section && !section->take(type, body)) {
      return builder.stop_at(at, "a block does not hold what it has to");
    }
    at += length;
  }
}

}  // namespace slipstream
