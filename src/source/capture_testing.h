#pragma once
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace slipstream::capture_testing {

/// Writes numbers in an order, into captures.
class Writer {
 public:
  explicit Writer(bool is_big = false) : is_big_(is_big) {}

  template <std::unsigned_integral T>
  Writer& put(T value) {
    if (is_big_) value = std::byteswap(value);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Writer& put(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  Writer& pad_to(std::size_t multiple) {
    while (bytes_.size() % multiple != 0) bytes_ += '\0';
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  const bool is_big_;
  std::string bytes_;
};

inline Writer network() {
  return Writer(true);
}

inline std::string udp(std::uint16_t from, std::uint16_t to, std::string_view payload) {
  return network()
      .put(from)
      .put(to)
      .put(static_cast<std::uint16_t>(8 + payload.size()))
      .put(std::uint16_t{0})
      .put(payload)
      .bytes();
}

struct Ipv4 {
  std::uint32_t from = 0x0a000001;
  std::string options = {};  ///< of a multiple of four bytes
  std::uint16_t fragment = 0;
  std::uint8_t protocol = 17;
};
inline std::string ipv4(std::string_view inside, const Ipv4& ip = {}) {
  const std::size_t head = 20 + ip.options.size();
  return network()
      .put(static_cast<std::uint8_t>(0x40 | head / 4))
      .put(std::uint8_t{0})
      .put(static_cast<std::uint16_t>(head + inside.size()))
      .put(std::uint16_t{7})
      .put(ip.fragment)
      .put(std::uint8_t{64})
      .put(ip.protocol)
      .put(std::uint16_t{0})
      .put(ip.from)
      .put(std::uint32_t{0x0a0000ff})
      .put(ip.options)
      .put(inside)
      .bytes();
}

/// `extensions`: heads behind the first one, of which the last names what is inside; `next` is the
/// first of them.
inline std::string ipv6(std::string_view inside, std::uint8_t next = 17,
                        std::string_view extensions = {}, char from = 1) {
  std::string address(16, '\0');
  address.back() = from;
  return network()
      .put(std::uint32_t{0x60000000})
      .put(static_cast<std::uint16_t>(extensions.size() + inside.size()))
      .put(next)
      .put(std::uint8_t{64})
      .put(address)
      .put(std::string(16, '\2'))
      .put(extensions)
      .put(inside)
      .bytes();
}

inline std::string ethernet(std::string_view inside, std::uint16_t type = 0x0800,
                            std::string_view tags = {}) {
  return network().put(std::string(12, 'm')).put(tags).put(type).put(inside).bytes();
}

/// A whole packet on Ethernet.
inline std::string datagram(std::string_view payload, std::uint16_t from = 50'000,
                            std::uint16_t to = 20'777) {
  return ethernet(ipv4(udp(from, to, payload)));
}

struct Packet {
  std::uint64_t time_ns;
  std::string bytes;
  std::uint32_t cut_off = 0;  ///< bytes that the capture does not have
};

struct PcapForm {
  bool is_big = false;
  bool is_nanos = false;
  std::uint32_t link = 1;
};
inline std::string pcap(const std::vector<Packet>& packets, const PcapForm& form = {}) {
  Writer out(form.is_big);
  out.put(form.is_nanos ? 0xa1b23c4du : 0xa1b2c3d4u)
      .put(std::uint16_t{2})
      .put(std::uint16_t{4})
      .put(0u)
      .put(0u)
      .put(262'144u)
      .put(form.link);
  for (const auto& packet : packets) {
    out.put(static_cast<std::uint32_t>(packet.time_ns / 1'000'000'000))
        .put(static_cast<std::uint32_t>(packet.time_ns % 1'000'000'000 /
                                        (form.is_nanos ? 1u : 1'000u)))
        .put(static_cast<std::uint32_t>(packet.bytes.size()))
        .put(static_cast<std::uint32_t>(packet.bytes.size() + packet.cut_off))
        .put(packet.bytes);
  }
  return out.bytes();
}

/// A block of pcapng with its two lengths.
inline std::string block(std::uint32_t type, std::string_view body, bool is_big = false) {
  const std::string padded = Writer(is_big).put(body).pad_to(4).bytes();
  const auto length = static_cast<std::uint32_t>(padded.size() + 12);
  return Writer(is_big).put(type).put(length).put(padded).put(length).bytes();
}
inline std::string section(bool is_big = false) {
  return block(0x0a0d0d0a,
               Writer(is_big)
                   .put(0x1a2b3c4du)
                   .put(std::uint16_t{1})
                   .put(std::uint16_t{0})
                   .put(~std::uint64_t{0})
                   .bytes(),
               is_big);
}
inline std::string interface(std::uint16_t link, std::string_view options = {}, bool is_big = false,
                             std::uint32_t snap = 0) {
  return block(1, Writer(is_big).put(link).put(std::uint16_t{0}).put(snap).put(options).bytes(),
               is_big);
}
inline std::string option(std::uint16_t code, std::string_view value, bool is_big = false) {
  return Writer(is_big)
      .put(code)
      .put(static_cast<std::uint16_t>(value.size()))
      .put(value)
      .pad_to(4)
      .bytes();
}
inline std::string enhanced(std::uint32_t interface, std::uint64_t ticks, std::string_view packet,
                            bool is_big = false) {
  const auto size = static_cast<std::uint32_t>(packet.size());
  return block(6,
               Writer(is_big)
                   .put(interface)
                   .put(static_cast<std::uint32_t>(ticks >> 32))
                   .put(static_cast<std::uint32_t>(ticks))
                   .put(size)
                   .put(size)
                   .put(packet)
                   .bytes(),
               is_big);
}

/// A record of a `.cap`.
inline std::string record(double seconds, std::string_view payload) {
  return Writer()
      .put(std::bit_cast<std::uint64_t>(seconds))
      .put(static_cast<std::uint32_t>(payload.size()))
      .put(payload)
      .bytes();
}

}  // namespace slipstream::capture_testing
