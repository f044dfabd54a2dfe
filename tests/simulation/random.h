#pragma once
#include <cstdint>
#include <random>
#include <vector>

namespace slipstream::simulation {

/// The same on every machine for the same seed: no distribution of the library's is used.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t next() { return engine_(); }
  /// 0 .. limit - 1.
  std::uint64_t pick(std::uint64_t limit) { return engine_() % limit; }
  std::int64_t between(std::int64_t from, std::int64_t to) {
    return from + static_cast<std::int64_t>(pick(static_cast<std::uint64_t>(to - from + 1)));
  }
  bool chance(unsigned percent) { return pick(100) < percent; }
  template <typename T>
  T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + pick(choices.size()));
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace slipstream::simulation
