#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace slipstream {

class Frame;
using FramePtr = std::shared_ptr<const Frame>;

/// A message as it goes over the wire, made once and shared by all clients that get it: framed, and
/// once a client asks for it deflated and framed. I/O thread only.
class Frame {
 public:
  /// Texts below this are not worth deflating.
  static constexpr std::size_t kMinDeflatedBytes = 256;

  /// A text message.
  static FramePtr text(std::string_view payload);
  /// A binary one, of these parts, which is never deflated.
  static FramePtr binary(std::string_view head, std::string_view payload);
  /// Bytes that are framed already, or none: a control frame, the handshake's answer.
  static FramePtr raw(std::string bytes);

  std::string_view plain() const { return plain_; }
  /// The deflated form, made at the first call; the plain one where that is no longer.
  std::string_view deflated() const;

 private:
  Frame() = default;
  std::string plain_;
  std::size_t head_bytes_ = 0;
  bool may_deflate_ = false;
  mutable bool tried_ = false;
  mutable std::string deflated_;  ///< empty: the plain form is sent
};

}  // namespace slipstream
