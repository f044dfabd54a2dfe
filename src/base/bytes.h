#pragma once
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace slipstream {

static_assert(std::endian::native == std::endian::little, "formats on disk are little-endian");

/// Appends numbers and texts to a string: fixed little-endian, or LEB128 (7 bits a byte, lowest
/// first; signed numbers by zigzag: 0, -1, 1, -2 ...).
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  template <typename T>
    requires(std::integral<T> || std::floating_point<T>)
  void fixed(T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out_.append(bytes, sizeof bytes);
  }
  void varint(std::uint64_t value) {
    char bytes[10];
    std::size_t n = 0;
    for (; value >= 0x80; value >>= 7) bytes[n++] = static_cast<char>(value | 0x80);
    bytes[n++] = static_cast<char>(value);
    out_.append(bytes, n);
  }
  void zigzag(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void text(std::string_view value) {
    varint(value.size());
    out_ += value;
  }
  void flag(bool value) { out_ += value ? '\1' : '\0'; }

 private:
  std::string& out_;
};

/// Reads what ByteWriter wrote. What is not there reads as zero or empty, and ok() is false from
/// then on: check it once at the end, and before trusting a count.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  template <typename T>
    requires(std::integral<T> || std::floating_point<T>)
  T fixed() {
    T value{};
    if (!has(sizeof value)) return value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (!has(1)) return 0;
      const auto byte = static_cast<unsigned char>(*at_++);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }
  std::int64_t zigzag() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }
  std::string_view text() { return bytes(varint()); }
  std::string_view bytes(std::uint64_t size) {
    if (!has(size)) return {};
    const std::string_view value(at_, size);
    at_ += size;
    return value;
  }
  bool flag() { return fixed<std::uint8_t>() != 0; }

  bool ok() const { return ok_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  bool at_end() const { return ok_ && at_ == end_; }

 private:
  bool has(std::uint64_t size) {
    if (size > left()) {
      ok_ = false;
      at_ = end_;
    }
    return ok_;
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace slipstream
