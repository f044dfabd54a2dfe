#pragma once
#include <string_view>

namespace slipstream {

/// A descriptor kept open for nothing, to be given up when the process has no other left: a
/// connection can be accepted only into one, and without it whoever connects would hang unanswered.
/// One thread.
class SpareDescriptor {
 public:
  SpareDescriptor() { take(); }
  ~SpareDescriptor() { release(); }
  SpareDescriptor(const SpareDescriptor&) = delete;
  SpareDescriptor& operator=(const SpareDescriptor&) = delete;

  /// Accepts a connection in its place, says `answer`, closes it, and takes the place again. False:
  /// none was waiting, or it was not to be had. `listener` does not block.
  bool answer_one(int listener, std::string_view answer);
  /// Whether the process can open another one now.
  static bool is_to_be_had();

 private:
  void take();
  void release();

  int descriptor_ = -1;
};

}  // namespace slipstream
