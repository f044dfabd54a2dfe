#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace slipstream {

/// Numbers of a known width, and Rice codes: a number's upper bits as so many ones and a zero, its
/// lower `k` bits as they are. What would take kMostOnes ones or more is told with its width
/// instead, so that no number takes more than some bits above its own. Bits go from a byte's lowest
/// to its highest.
inline constexpr unsigned kMostOnes = 20;

/// Appends bits to a string. finish() fills the last byte with zeros.
class BitWriter {
 public:
  explicit BitWriter(std::string& out) : out_(out) {}

  /// `width` of at most 64 bits; the others of `value` are zero.
  void put(std::uint64_t value, unsigned width) {
    if (width == 0) return;
    bits_ |= value << used_;
    if (used_ + width < 64) {
      used_ += width;
      return;
    }
    append(8);
    const unsigned taken = 64 - used_;
    bits_ = taken < 64 ? value >> taken : 0;
    used_ = width - taken;
  }
  void put_rice(std::uint64_t value, unsigned k) {
    const std::uint64_t ones = value >> k;
    if (ones < kMostOnes) {
      const auto n = static_cast<unsigned>(ones);
      const std::uint64_t low = value & low_bits(k);
      if (n + 1 + k <= 64) {
        put(low_bits(n) | low << n << 1, n + 1 + k);
      } else {
        put(low_bits(n), n + 1);
        put(low, k);
      }
      return;
    }
    put_escape(false);
    const auto width = static_cast<unsigned>(std::bit_width(value));
    put(width - 1, 6);
    put(value, width);
  }
  /// A number that is told in full, in place of a Rice code.
  void put_raw(std::uint64_t value) {
    put_escape(true);
    put(value, 64);
  }
  void finish() {
    append((used_ + 7) / 8);
    bits_ = 0;
    used_ = 0;
  }

 private:
  static std::uint64_t low_bits(unsigned k) { return (std::uint64_t{1} << k) - 1; }
  void put_escape(bool is_raw) {
    put(low_bits(kMostOnes) | std::uint64_t{is_raw} << kMostOnes, kMostOnes + 1);
  }
  void append(std::size_t bytes) {
    char buffer[8];
    std::memcpy(buffer, &bits_, sizeof buffer);
    out_.append(buffer, bytes);
  }

  std::string& out_;
  std::uint64_t bits_ = 0;
  unsigned used_ = 0;  ///< of bits_, less than 64
};

/// Reads what BitWriter wrote. What is not there reads as zero, and ok() is false from then on.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t get(unsigned width) {
    if (width > 32) {
      const std::uint64_t low = get(32);
      return low | (get(width - 32) << 32);
    }
    if (width > left_) fill();
    return take(width);
  }
  /// `is_raw`: put_raw() wrote it.
  std::uint64_t get_rice(unsigned k, bool& is_raw) {
    is_raw = false;
    fill();
    const auto ones = static_cast<unsigned>(std::countr_one(bits_));
    if (ones < kMostOnes) {
      take(ones + 1);
      return (std::uint64_t{ones} << k) | get(k);
    }
    take(kMostOnes);
    is_raw = take(1) != 0;
    if (is_raw) return get(64);
    return get(static_cast<unsigned>(take(6)) + 1);
  }
  bool ok() const { return ok_; }
  /// Bytes of which a bit was taken.
  std::size_t bytes_taken() const { return next_ - left_ / 8; }
  /// Whether what is left of the last byte is zeros.
  bool ends_blank() const { return (bits_ & ((std::uint64_t{1} << left_ % 8) - 1)) == 0; }

 private:
  /// At least 56 bits are then in view, or all there are.
  void fill() {
    if (left_ >= 56) return;
    if (bytes_.size() - next_ >= 8) {
      std::uint64_t more;
      std::memcpy(&more, bytes_.data() + next_, sizeof more);
      const unsigned bytes = (63 - left_) / 8;
      bits_ |= more << left_;
      next_ += bytes;
      left_ += bytes * 8;
      if (left_ < 64) bits_ &= (std::uint64_t{1} << left_) - 1;
      return;
    }
    while (left_ < 56 && next_ < bytes_.size()) {
      bits_ |= std::uint64_t{static_cast<unsigned char>(bytes_[next_++])} << left_;
      left_ += 8;
    }
  }
  std::uint64_t take(unsigned width) {
    if (width > left_) {
      ok_ = false;
      bits_ = 0;
      left_ = 0;
      next_ = bytes_.size();
      return 0;
    }
    const std::uint64_t value = bits_ & ((std::uint64_t{1} << width) - 1);
    bits_ >>= width;
    left_ -= width;
    return value;
  }

  std::string_view bytes_;
  std::size_t next_ = 0;  ///< the first byte that is not in bits_
  std::uint64_t bits_ = 0;
  unsigned left_ = 0;  ///< of bits_; those above are zero
  bool ok_ = true;
};

}  // namespace slipstream
