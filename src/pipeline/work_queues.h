#pragma once
#include <cstddef>
#include <cstdint>

#include "pipeline/work.h"

namespace slipstream {

/// The partitions' queues, as whoever fills them sees them. Threads: any.
class WorkQueues {
 public:
  virtual ~WorkQueues() = default;
  virtual std::uint32_t partitions() const = 0;
  /// For work of so many bytes. An empty queue has room for any.
  virtual bool has_room(std::uint32_t partition, std::size_t bytes) const = 0;
  /// Queues the work, whatever the queue's limits. Its worker may sleep on until wake().
  virtual void push(std::uint32_t partition, Work work) = 0;
  /// Wakes the workers of all that was pushed, each once.
  virtual void wake() = 0;
  /// Pieces of work that wait.
  virtual std::size_t depth(std::uint32_t partition) const = 0;
};

}  // namespace slipstream
