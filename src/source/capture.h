#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipstream {

/// Files of datagrams as they were received.
enum class CaptureFormat : std::uint8_t {
  kRecords,  ///< `.cap` of games: f64 seconds since 1970, u32 length, the datagram; little endian
  kPcap,     ///< classic, of either byte order, with microseconds or nanoseconds
  kPcapng,
};

/// The format of a file that begins with these bytes, unpacked; where they do not tell it, by its
/// name: `.cap`, with or without `.gz` or `.zst` behind. Nothing: it is no capture.
std::optional<CaptureFormat> capture_format_of(std::string_view begin,
                                               const std::filesystem::path& name);

/// Whether a file may be one, by its name or by its first bytes; it may be packed.
bool may_be_capture(const std::filesystem::path& file);

struct CapturedDatagram {
  std::int64_t time_ns = 0;  ///< when it was captured, since 1970
  std::string_view payload;  ///< in the capture's bytes
  std::uint32_t sender = 0;  ///< senders are numbered from 0 as they come
};

/// What a capture holds. Views are into its bytes.
struct Capture {
  std::vector<CapturedDatagram> datagrams;  ///< in the file's order
  std::uint32_t senders = 0;
  std::map<std::uint16_t, std::size_t> ports;  ///< datagrams, by the port that they were sent to

  std::size_t of_other_ports = 0;  ///< datagrams that were not asked for
  std::size_t not_udp = 0;         ///< packets of other protocols
  // Packets that may be of datagrams that were asked for, and give none.
  std::size_t fragments = 0;
  std::size_t cut = 0;           ///< shortened when they were captured
  std::size_t damaged = 0;       ///< their heads contradict each other
  std::size_t unknown_link = 0;  ///< of a kind of link that is not known
  /// Where and why the file cannot be read further; empty: it is whole.
  std::string fault;

  bool is_whole() const { return fault.empty() && fragments + cut + damaged + unknown_link == 0; }
};

/// Reads all datagrams; `port`: only those that were sent there, where the format tells. Never
/// fails as a whole: what comes before damage is there. Memory: some 32 bytes a datagram. Reads
/// nothing outside of `bytes`.
Capture read_capture(CaptureFormat format, std::string_view bytes,
                     std::optional<std::uint16_t> port = {});

}  // namespace slipstream
