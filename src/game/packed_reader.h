#pragma once
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace slipstream::game {

/// Reads what is known to be there: a part of a reader's bytes that was looked at as a whole.
class PackedPart {
 public:
  explicit PackedPart(const char* begin) : begin_(begin) {}

  template <typename T>
  T read(std::size_t offset) const {
    static_assert(std::endian::native == std::endian::little);
    T value;
    std::memcpy(&value, begin_ + offset, sizeof value);
    return value;
  }

 private:
  const char* begin_;
};

/// Reads numbers out of packed bytes that somebody sent, at places that a layout tells. What is not
/// there, or only in part, reads as zero: nothing is read past the end, whatever the layout says.
/// Borrows the bytes.
class PackedReader {
 public:
  explicit PackedReader(std::string_view bytes, std::endian order = std::endian::little)
      : bytes_(bytes), is_swapped_(order != std::endian::native) {}

  std::size_t size() const { return bytes_.size(); }
  bool has(std::size_t offset, std::size_t size) const {
    return offset <= bytes_.size() && size <= bytes_.size() - offset;
  }
  template <typename T>
    requires(std::integral<T> || std::floating_point<T>)
  T read(std::size_t offset) const {
    T value{};
    if (!has(offset, sizeof value)) return value;
    char raw[sizeof value];
    std::memcpy(raw, bytes_.data() + offset, sizeof value);
    if (is_swapped_) [[unlikely]] {
      for (std::size_t i = 0; i < sizeof value / 2; ++i)
        std::swap(raw[i], raw[sizeof value - 1 - i]);
    }
    std::memcpy(&value, raw, sizeof value);
    return value;
  }
  std::uint8_t u8(std::size_t offset) const { return read<std::uint8_t>(offset); }
  /// Of little-endian bytes that are there, so many from there on.
  std::optional<PackedPart> part(std::size_t offset, std::size_t size) const {
    if (is_swapped_ || !has(offset, size)) return std::nullopt;
    return PackedPart(bytes_.data() + offset);
  }
  /// As much of it as is there.
  std::string_view text(std::size_t offset, std::size_t size) const {
    return offset <= bytes_.size() ? bytes_.substr(offset, size) : std::string_view();
  }

 private:
  std::string_view bytes_;
  bool is_swapped_;
};

/// Reads them one behind the other. Once something is not there, ok() is false for good.
class PackedCursor {
 public:
  explicit PackedCursor(std::string_view bytes, std::size_t begin = 0)
      : bytes_(bytes), at_(begin) {}

  template <typename T>
  T next() {
    const T value = bytes_.read<T>(at_);
    advance(sizeof value);
    return value;
  }
  /// Behind its length in bytes (u16).
  std::string_view text() {
    const std::size_t size = next<std::uint16_t>();
    const auto text = bytes_.text(at_, size);
    advance(size);
    return text;
  }
  bool ok() const { return ok_; }

 private:
  void advance(std::size_t size) {
    ok_ = ok_ && bytes_.has(at_, size);
    if (ok_) at_ += size;
  }

  PackedReader bytes_;
  std::size_t at_;
  bool ok_ = true;
};

}  // namespace slipstream::game
