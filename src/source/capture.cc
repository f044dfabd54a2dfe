#include "source/capture.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>

#include "base/clock.h"
#include "source/capture_parts.h"

namespace slipstream {
namespace {

constexpr std::uint32_t kPcapMicros = 0xa1b2c3d4;
constexpr std::uint32_t kPcapNanos = 0xa1b23c4d;
constexpr std::uint32_t kPcapngSection = 0x0a0d0d0a;  // the same in both orders

std::optional<std::uint32_t> first_word(std::string_view bytes) {
  if (bytes.size() < 4) return std::nullopt;
  return OrderedBytes(bytes, false).at<std::uint32_t>(0);
}

/// Without what says that it is packed.
std::filesystem::path bare_extension(std::filesystem::path name) {
  if (name.extension() == ".gz" || name.extension() == ".zst") name.replace_extension();
  return name.extension();
}

bool is_pcap(std::uint32_t word) {
  return word == kPcapMicros || word == kPcapNanos;
}

void read_records(std::string_view bytes, CaptureBuilder& builder) {
  constexpr std::size_t kHead = 12;
  constexpr std::uint32_t kMaxDatagram = 65'535;
  constexpr double kLatest = 9e9;  // as nanoseconds it still fits
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string_view rest = bytes.substr(at);
    if (rest.size() < kHead) return builder.stop_at(at, "the file ends within a record's head");
    const OrderedBytes head(rest, false);
    const auto seconds = std::bit_cast<double>(head.at<std::uint64_t>(0));
    const auto length = head.at<std::uint32_t>(8);
    if (!(seconds >= 0 && seconds < kLatest)) {
      return builder.stop_at(at, "a record's time is none");
    }
    if (length > kMaxDatagram) {
      return builder.stop_at(at, fmt::format("a datagram of {} bytes cannot be", length));
    }
    if (rest.size() - kHead < length) return builder.stop_at(at, "the file ends within a datagram");
    builder.take_bare(std::llround(seconds * 1e9), rest.substr(kHead, length));
    at += kHead + length;
  }
}

void read_pcap(std::string_view bytes, CaptureBuilder& builder) {
  constexpr std::size_t kFileHead = 24;
  constexpr std::size_t kHead = 16;
  if (bytes.size() < kFileHead) return builder.stop_at(0, "the file ends within its head");
  const bool is_swapped = !is_pcap(OrderedBytes(bytes, false).at<std::uint32_t>(0));
  const OrderedBytes file(bytes, is_swapped);
  const std::int64_t unit_ns = file.at<std::uint32_t>(0) == kPcapNanos ? 1 : 1'000;
  // Above it says how many bytes of a checksum are behind each packet.
  const std::uint32_t link = file.at<std::uint32_t>(20) & 0xffff;
  for (std::size_t at = kFileHead; at < bytes.size();) {
    const std::string_view rest = bytes.substr(at);
    if (rest.size() < kHead) return builder.stop_at(at, "the file ends within a packet's head");
    const OrderedBytes head(rest, is_swapped);
    const auto length = head.at<std::uint32_t>(8);
    if (length > CaptureBuilder::kMaxPacketBytes) {
      return builder.stop_at(at, fmt::format("a packet of {} bytes cannot be", length));
    }
    if (rest.size() - kHead < length) return builder.stop_at(at, "the file ends within a packet");
    const std::int64_t time_ns =
        head.at<std::uint32_t>(0) * kNsPerSecond + head.at<std::uint32_t>(4) * unit_ns;
    builder.take(time_ns, link, rest.substr(kHead, length), head.at<std::uint32_t>(12));
    at += kHead + length;
  }
}

}  // namespace

void CaptureBuilder::take(std::int64_t time_ns, std::uint32_t link, std::string_view packet,
                          std::uint32_t original_bytes) {
  const auto read = read_captured_packet(link, packet, original_bytes);
  if (read.kind == CapturedPacket::Kind::kNotUdp) {
    ++capture_.not_udp;
    return;
  }
  if (port_ && read.to_port && *read.to_port != *port_) {
    ++capture_.of_other_ports;
    return;
  }
  switch (read.kind) {
    case CapturedPacket::Kind::kDatagram:
      break;
    case CapturedPacket::Kind::kFragment:
      ++capture_.fragments;
      return;
    case CapturedPacket::Kind::kCut:
      ++capture_.cut;
      return;
    case CapturedPacket::Kind::kUnknownLink:
      ++capture_.unknown_link;
      return;
    default:
      ++capture_.damaged;
      return;
  }
  const auto [sender, is_new] = senders_.try_emplace(read.from, capture_.senders);
  if (is_new) ++capture_.senders;
  ++capture_.ports[*read.to_port];
  capture_.datagrams.push_back({time_ns, read.payload, sender->second});
}

void CaptureBuilder::take_bare(std::int64_t time_ns, std::string_view datagram) {
  capture_.senders = 1;
  capture_.datagrams.push_back({time_ns, datagram, 0});
}

void CaptureBuilder::stop_at(std::size_t byte, std::string_view why) {
  capture_.fault = fmt::format("byte {}: {}", byte, why);
}

std::optional<CaptureFormat> capture_format_of(std::string_view begin,
                                               const std::filesystem::path& name) {
  if (const auto word = first_word(begin)) {
    if (is_pcap(*word) || is_pcap(std::byteswap(*word))) return CaptureFormat::kPcap;
    if (*word == kPcapngSection) return CaptureFormat::kPcapng;
  }
  if (bare_extension(name) == ".cap") return CaptureFormat::kRecords;
  return std::nullopt;
}

bool may_be_capture(const std::filesystem::path& file) {
  const auto extension = bare_extension(file);
  if (extension == ".cap" || extension == ".pcap" || extension == ".pcapng") return true;
  char begin[4] = {};
  std::ifstream in(file, std::ios::binary);
  if (!in.read(begin, sizeof begin)) return false;
  return capture_format_of({begin, sizeof begin}, {}).has_value();
}

Capture read_capture(CaptureFormat format, std::string_view bytes,
                     std::optional<std::uint16_t> port) {
  CaptureBuilder builder(port);
  switch (format) {
    case CaptureFormat::kRecords:
      read_records(bytes, builder);
      break;
    case CaptureFormat::kPcap:
      read_pcap(bytes, builder);
      break;
    case CaptureFormat::kPcapng:
      read_pcapng(bytes, builder);
      break;
  }
  return builder.finish();
}

}  // namespace slipstream
