#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "net/answer_head.h"
#include "net/body_source.h"
#include "net/stream.h"

namespace slipstream {

/// Puts answers on a stream, one after the other, no faster than it takes them: bodies that are
/// whole, and bodies that a BodySource gives. Holds the head and the body, or one piece of it.
/// I/O thread only.
class AnswerWriter {
 public:
  enum class Progress : std::uint8_t {
    kDone,
    kBlocked,  ///< the stream takes no more for now
    kHungry,   ///< source() is to be asked, and take() be called with what it gives
    kFailed,   ///< the stream is broken
  };

  /// The next answer; the one before is done. `is_head`: to HEAD, which has no body.
  void begin(HttpResponse response, AnswerFraming framing, bool is_head);
  Progress write(Stream& stream);

  BodySource& source() { return *source_; }
  /// The next piece of the body; an empty one ends it.
  void take(std::string piece);
  /// Whether anything of the answer has been handed to the stream.
  bool has_begun() const { return sent_ > 0; }
  /// Bytes of the answer that the stream took.
  std::size_t sent() const { return sent_; }
  /// Forgets the answer, and its source.
  void cancel();

 private:
  std::string head_;  ///< of the answer, or of a chunk
  std::string body_;
  std::size_t written_ = 0;  ///< of both
  std::size_t sent_ = 0;
  std::shared_ptr<BodySource> source_;
  bool awaits_piece_ = false;
  bool is_chunked_ = false;
};

}  // namespace slipstream
