#include "net/frame.h"

#include "base/check.h"
#include "net/deflate.h"
#include "net/ws_frame.h"

namespace slipstream {
namespace {

constexpr std::size_t kMaxFrameHeadBytes = 10;

}  // namespace

FramePtr Frame::text(std::string_view payload) {
  std::shared_ptr<Frame> frame(new Frame);
  frame->plain_.reserve(payload.size() + kMaxFrameHeadBytes);
  append_frame_head(frame->plain_, WsOpcode::kText, payload.size());
  frame->head_bytes_ = frame->plain_.size();
  CHECK(frame->head_bytes_ <= kMaxFrameHeadBytes,
        "the frame has room for its head from the beginning");
  frame->plain_ += payload;
  frame->may_deflate_ = payload.size() >= kMinDeflatedBytes;
  return frame;
}

FramePtr Frame::binary(std::string_view head, std::string_view payload) {
  std::string bytes;
  bytes.reserve(head.size() + payload.size() + kMaxFrameHeadBytes);
  append_frame_head(bytes, WsOpcode::kBinary, head.size() + payload.size());
  bytes.append(head).append(payload);
  return raw(std::move(bytes));
}

FramePtr Frame::raw(std::string bytes) {
  std::shared_ptr<Frame> frame(new Frame);
  frame->plain_ = std::move(bytes);
  return frame;
}

std::string_view Frame::deflated() const {
  if (may_deflate_ && !tried_) {
    tried_ = true;
    CHECK(head_bytes_ > 0, "only a text that was framed here is deflated");
    std::string payload;
    append_deflated(payload, plain().substr(head_bytes_));
    std::string framed;
    append_frame_head(framed, WsOpcode::kText, payload.size(), true);
    framed += payload;
    if (framed.size() < plain_.size()) deflated_ = std::move(framed);
  }
  return deflated_.empty() ? plain() : std::string_view(deflated_);
}

}  // namespace slipstream
