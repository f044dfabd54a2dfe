#include "net/answer_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace slipstream {
namespace {

constexpr std::size_t kJoinedBodyBytes = 16'384;  // up to here the body is copied behind the head

}  // namespace

void AnswerWriter::begin(HttpResponse response, AnswerFraming framing, bool is_head) {
  const bool has_body = !is_head && response.status != 304 && response.status != 204;
  head_ = answer_head(response, framing);
  body_.clear();
  written_ = 0;
  sent_ = 0;
  is_chunked_ = !framing.is_old;
  source_ = has_body ? std::move(response.source) : nullptr;
  awaits_piece_ = source_ != nullptr;
  if (!has_body || source_) return;
  if (response.body.size() <= kJoinedBodyBytes) {
    head_ += response.body;
  } else {
    body_ = std::move(response.body);
  }
}

AnswerWriter::Progress AnswerWriter::write(Stream& stream) {
  if (awaits_piece_) return Progress::kHungry;
  const std::size_t whole = head_.size() + body_.size();
  while (written_ < whole) {
    const auto in_head = std::min(written_, head_.size());
    const std::array pieces{piece_of(std::string_view(head_).substr(in_head)),
                            piece_of(std::string_view(body_).substr(written_ - in_head))};
    const std::size_t left = whole - written_;
    const auto taken = stream.try_write(pieces);
    if (!taken) return Progress::kFailed;
    written_ += *taken;
    sent_ += *taken;
    if (*taken < left) return Progress::kBlocked;
  }
  head_.clear();
  body_ = {};
  written_ = 0;
  awaits_piece_ = source_ != nullptr;
  return awaits_piece_ ? Progress::kHungry : Progress::kDone;
}

void AnswerWriter::take(std::string piece) {
  awaits_piece_ = false;
  const bool is_last = piece.empty();
  if (is_last) source_.reset();
  if (is_chunked_) {
    if (is_last) {
      head_ += "0\r\n\r\n";
      return;
    }
    head_ += fmt::format("{:x}\r\n", piece.size());
    piece += "\r\n";
  }
  body_ = std::move(piece);
}

void AnswerWriter::cancel() {
  source_.reset();
  head_.clear();
  body_ = {};
}

}  // namespace slipstream
