#pragma once
#include <cstddef>

#include "base/agent.h"

namespace slipstream {

/// Decides which partitions are this instance's, together with the other instances of the group:
/// tells each ClusterPartition that it is ours now, or not any more, and sees to it that a
/// partition that is given up is free for others once what was folded is committed. Two instances
/// may both hold a partition for theirs for a while; the feeds' fence makes one of them right.
/// Threads: poll(), idle() on its own; stop() when that has ended; the rest from any.
class Ownership : public Agent {
 public:
  /// Nothing more is renewed or taken.
  virtual void begin_stop() = 0;
  /// Gives everything back: open windows to the instances that go on, or closed where there are
  /// none. Bounded to a few seconds.
  virtual void stop() = 0;
  /// Instances of the group, as of the last look; 0: not known.
  virtual std::size_t members() const = 0;
};

}  // namespace slipstream
