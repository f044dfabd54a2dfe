#pragma once
#include <bit>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace slipstream {

/// Writes what an observer knows: each type that is kept tells its members once, in a
/// `template <class Archive> void keep(Archive&)`, to this and to StateReader alike. Numbers are
/// short where they are small, doubles where they have few digits. One thread.
class StateWriter {
 public:
  static constexpr bool kReads = false;
  explicit StateWriter(std::string& out) : out_(out) {}

  template <typename... Ts>
  void operator()(Ts&... values) {
    (one(values), ...);
  }

 private:
  void one(std::string& text) { out_.text(text); }
  void one(double& value) { out_.varint(std::byteswap(std::bit_cast<std::uint64_t>(value))); }
  template <typename T>
  void one(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      out_.flag(value);
    } else if constexpr (std::is_enum_v<T>) {
      out_.varint(static_cast<std::uint64_t>(value));
    } else if constexpr (std::is_unsigned_v<T>) {
      out_.varint(value);
    } else if constexpr (std::is_signed_v<T>) {
      out_.zigzag(value);
    } else {
      value.keep(*this);
    }
  }
  template <typename Tag>
  void one(Instant<Tag>& when) {
    out_.zigzag(when.ns);
  }
  template <typename T>
  void one(std::optional<T>& value) {
    out_.flag(value.has_value());
    if (value) one(*value);
  }
  template <typename A, typename B>
  void one(std::pair<A, B>& pair) {
    one(pair.first);
    one(pair.second);
  }
  template <typename T>
  void one(std::vector<T>& list) {
    out_.varint(list.size());
    for (T& element : list) one(element);
  }
  template <typename T>
  void one(std::deque<T>& list) {
    out_.varint(list.size());
    for (T& element : list) one(element);
  }

  ByteWriter out_;
};

/// Reads what StateWriter wrote. Whatever the bytes are, it takes memory in proportion to them:
/// check ok() at the end.
class StateReader {
 public:
  static constexpr bool kReads = true;
  explicit StateReader(std::string_view bytes) : in_(bytes) {}

  template <typename... Ts>
  void operator()(Ts&... values) {
    (one(values), ...);
  }
  bool ok() const { return is_good_ && in_.ok(); }
  bool at_end() const { return is_good_ && in_.at_end(); }
  /// Of a number that nobody could have written.
  void refuse() { is_good_ = false; }

 private:
  void one(std::string& text) { text = in_.text(); }
  void one(double& value) { value = std::bit_cast<double>(std::byteswap(in_.varint())); }
  template <typename T>
  void one(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      value = in_.flag();
    } else if constexpr (std::is_enum_v<T> || std::is_unsigned_v<T>) {
      value = static_cast<T>(in_.varint());
    } else if constexpr (std::is_signed_v<T>) {
      value = static_cast<T>(in_.zigzag());
    } else {
      value.keep(*this);
    }
  }
  template <typename Tag>
  void one(Instant<Tag>& when) {
    when.ns = in_.zigzag();
  }
  template <typename T>
  void one(std::optional<T>& value) {
    value.reset();
    if (in_.flag()) one(value.emplace());
  }
  template <typename A, typename B>
  void one(std::pair<A, B>& pair) {
    one(pair.first);
    one(pair.second);
  }
  template <typename List>
  void list(List& list) {
    list.clear();
    // Each takes a byte at least.
    const std::uint64_t count = in_.varint();
    if (count > in_.left()) refuse();
    for (std::uint64_t i = 0; i < count && ok(); ++i) one(list.emplace_back());
  }
  template <typename T>
  void one(std::vector<T>& values) {
    list(values);
  }
  template <typename T>
  void one(std::deque<T>& values) {
    list(values);
  }

  ByteReader in_;
  bool is_good_ = true;
};

}  // namespace slipstream
