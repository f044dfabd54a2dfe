#pragma once
#include <bit>
#include <concepts>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "source/capture.h"
#include "source/captured_packet.h"

namespace slipstream {

/// Numbers in bytes that whoever wrote them ordered as its machine does. Whoever reads sees to it
/// that they are there.
class OrderedBytes {
 public:
  OrderedBytes(std::string_view bytes, bool is_swapped) : bytes_(bytes), is_swapped_(is_swapped) {}

  template <std::unsigned_integral T>
  T at(std::size_t offset) const {
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return is_swapped_ ? std::byteswap(value) : value;
  }

 private:
  const std::string_view bytes_;
  const bool is_swapped_;
};

/// Makes a Capture of packets, and keeps senders apart by their addresses. One thread.
class CaptureBuilder {
 public:
  /// A longer one is no packet, but damage.
  static constexpr std::uint32_t kMaxPacketBytes = 262'144;

  explicit CaptureBuilder(std::optional<std::uint16_t> port) : port_(port) {}

  void take(std::int64_t time_ns, std::uint32_t link, std::string_view packet,
            std::uint32_t original_bytes);
  /// One whose addresses are not known.
  void take_bare(std::int64_t time_ns, std::string_view datagram);
  /// The file cannot be read further.
  void stop_at(std::size_t byte, std::string_view why);
  Capture finish() { return std::move(capture_); }

 private:
  const std::optional<std::uint16_t> port_;
  Capture capture_;
  std::map<CapturedSource, std::uint32_t> senders_;
};

/// What stands in a pcapng file, section by section.
void read_pcapng(std::string_view bytes, CaptureBuilder& builder);

}  // namespace slipstream
