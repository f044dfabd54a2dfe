#include "net/request_body.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/percent_text.h"
#include "net/http.h"

namespace slipstream {
namespace {

constexpr std::size_t kMaxSizeDigits = 16;

std::unexpected<HttpFault> bad_chunk() {
  return std::unexpected(malformed("bad chunk"));
}

std::unexpected<HttpFault> too_much(std::string_view what) {
  return std::unexpected(
      HttpFault{431, fmt::format("the {} are larger than {} bytes", what, kMaxHeadBytes)});
}

}  // namespace

RequestBodyReader::RequestBodyReader(BodyFraming framing, std::size_t limit)
    : part_(framing.is_chunked   ? Part::kSize
            : framing.length > 0 ? Part::kBytes
                                 : Part::kDone),
      limit_(limit),
      left_(framing.is_chunked ? 0 : framing.length) {}

std::expected<std::size_t, HttpFault> RequestBodyReader::take(std::string_view bytes) {
  if (auto fits = part_ == Part::kBytes ? check_limit() : Outcome{}; !fits) {
    return std::unexpected(fits.error());
  }
  std::size_t taken = 0;
  while (taken < bytes.size() && part_ != Part::kDone) {
    if (part_ == Part::kBytes || part_ == Part::kChunk) {
      taken +=
          take_bytes(bytes.substr(taken), part_ == Part::kBytes ? Part::kDone : Part::kChunkCr);
    } else {
      if (auto took = take_byte(bytes[taken]); !took) return std::unexpected(took.error());
      ++taken;
    }
  }
  return taken;
}

std::size_t RequestBodyReader::take_bytes(std::string_view bytes, Part next) {
  if (part_ == Part::kBytes && body_.empty()) {
    body_.reserve(left_ + HttpRequest::kBodyPadding);  // not touched before its bytes come
  }
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  body_.append(bytes.substr(0, size));
  left_ -= size;
  if (left_ == 0) part_ = next;
  return size;
}

RequestBodyReader::Outcome RequestBodyReader::take_byte(char c) {
  switch (part_) {
    case Part::kSize:
      return take_size(c);
    case Part::kExtension:
      return take_extension(c);
    case Part::kSizeEnd:
      if (c != '\n') return bad_chunk();
      return begin_chunk();
    case Part::kChunkCr:
      if (c != '\r') return bad_chunk();
      part_ = Part::kChunkLf;
      return {};
    case Part::kChunkLf:
      if (c != '\n') return bad_chunk();
      part_ = Part::kSize;
      return {};
    default:
      return take_trailer(c);
  }
}

RequestBodyReader::Outcome RequestBodyReader::take_size(char c) {
  const int digit = hex_digit(c);
  if (digit >= 0) {
    if (++digits_ > kMaxSizeDigits) return bad_chunk();
    left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
    return {};
  }
  if (digits_ == 0) return bad_chunk();
  if (c == '\r') {
    part_ = Part::kSizeEnd;
    return {};
  }
  if (c != ';' && c != ' ' && c != '\t') return bad_chunk();
  part_ = Part::kExtension;
  return take_extension(c);
}

RequestBodyReader::Outcome RequestBodyReader::take_extension(char c) {
  if (c == '\r') {
    part_ = Part::kSizeEnd;
    return {};
  }
  if (!is_field_byte(c)) return bad_chunk();
  if (++extension_bytes_ > kMaxHeadBytes) return too_much("chunk extensions");
  return {};
}

RequestBodyReader::Outcome RequestBodyReader::begin_chunk() {
  digits_ = 0;
  part_ = left_ > 0 ? Part::kChunk : Part::kTrailer;
  return check_limit();
}

RequestBodyReader::Outcome RequestBodyReader::check_limit() const {
  if (left_ <= limit_ - body_.size()) return {};
  return std::unexpected(HttpFault{413, fmt::format("the body is larger than {} bytes", limit_)});
}

RequestBodyReader::Outcome RequestBodyReader::take_trailer(char c) {
  if (++trailer_bytes_ > kMaxHeadBytes) return too_much("trailers");
  const bool follows_cr = line_.ends_with('\r');
  if (follows_cr != (c == '\n')) return bad_chunk();
  if (c != '\n') {
    if (c != '\r' && !is_field_byte(c)) return bad_chunk();
    line_ += c;
    return {};
  }
  line_.pop_back();
  if (line_.empty()) {
    part_ = Part::kDone;
    return {};
  }
  if (++trailers_ > kMaxFields) {
    return std::unexpected(HttpFault{431, fmt::format("more than {} trailers", kMaxFields)});
  }
  const auto field = parse_field_line(line_);
  if (!field) return std::unexpected(field.error());
  line_.clear();
  return {};
}

}  // namespace slipstream
