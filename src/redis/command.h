#pragma once
#include <charconv>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipstream {

/// Commands in the form that Redis reads (RESP arrays of bulk strings), one behind the other in one
/// string: what a pipeline sends with one write. Appending does not allocate once the string is
/// warm. Contract: as many arg() as begin() announced, the name being the first of them. Threads:
/// one at a time.
class CommandBuffer {
 public:
  /// Starts a command of `arguments` parts, its name included; at least one.
  void begin(std::size_t arguments);
  void arg(std::string_view value);
  template <std::integral T>
    requires(!std::same_as<T, bool> && !std::same_as<T, char>)
  void arg(T value) {
    char digits[24];
    arg({digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr -
                                          digits)});
  }
  /// A stream id, `ms-sequence`.
  void arg_id(std::uint64_t ms, std::uint64_t sequence);

  /// A whole command.
  void command(std::initializer_list<std::string_view> arguments) {
    command(std::span(arguments.begin(), arguments.size()));
  }
  void command(std::span<const std::string_view> arguments);
  /// All commands of another.
  void append(const CommandBuffer& other);

  /// Whole commands in it, and their bytes.
  std::size_t size() const { return names_.size(); }
  bool empty() const { return names_.empty(); }
  const std::string& bytes() const { return bytes_; }
  /// For each command its index in RedisStats::kNames.
  const std::vector<std::uint8_t>& names() const { return names_; }
  /// Forgets all; keeps the memory.
  void clear();
  /// Exchanges the bytes with `out` (which it clears first) and forgets the names.
  void take(std::string& out);

 private:
  void name(std::string_view value);

  std::string bytes_;
  std::vector<std::uint8_t> names_;
  std::size_t missing_ = 0;  // arguments of the command begun
  bool is_name_next_ = false;
  std::uint8_t last_name_ = 0;  // pipelines repeat a command: its name is looked up once
};

}  // namespace slipstream
