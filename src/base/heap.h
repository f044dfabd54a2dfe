#pragma once
#include <cstdint>
#include <functional>

namespace slipstream {

/// In bytes.
struct HeapUse {
  std::int64_t resident = 0;  ///< of the process, in memory
  std::int64_t in_use = 0;    ///< of what was allocated, not yet freed
};

/// Looks at every arena, which holds each up for as long as that takes: for every few seconds, not
/// for every batch. Threads: any.
HeapUse heap_use();
/// Gives whole pages that nothing is in back to the system. As heap_use(), but for longer: some
/// tens of milliseconds a gigabyte.
void trim_heap();

/// The allocator keeps what is freed for the next who asks. After a flood (windows of all machines
/// that close at once, a log that was read again, large bodies) that may be most of the process for
/// ever after. This gives it back where it pays: where more lies idle than after the last time by
/// a quarter of what is in use, and by kLeastGain. Threads: one.
class HeapKeeper {
 public:
  static constexpr std::int64_t kLeastGain = std::int64_t{64} << 20;

  using Look = std::function<HeapUse()>;
  explicit HeapKeeper(Look look = heap_use, std::function<void()> trim = trim_heap)
      : look_(std::move(look)), trim_(std::move(trim)) {}

  /// To be called every few seconds. Bytes that went back; 0: it did not pay to try.
  std::int64_t keep();

 private:
  const Look look_;
  const std::function<void()> trim_;
  std::int64_t idle_ = 0;  ///< the least since the last trim: what that could not give back
};

}  // namespace slipstream
