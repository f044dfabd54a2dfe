#include "source/mcap_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "codec/decoder.h"
#include "net/body_encoding.h"

namespace slipstream {
namespace {

using mcap::Op;

std::string_view text_of(ByteReader& reader) {
  return reader.bytes(reader.fixed<std::uint32_t>());
}

}  // namespace

std::optional<McapMessage> McapReader::next() {
  if (!std::exchange(has_begun_, true)) {
    std::array<char, mcap::kMagic.size()> magic{};
    if (!read(magic.data(), magic.size()) || std::string_view(magic) != mcap::kMagic) {
      stop(0, "this is no MCAP file of version 0");
    }
  }
  while (true) {
    if (!chunk_.empty()) {
      if (auto message = next_of_chunk()) return message;
      chunk_.clear();
    }
    if (has_ended_) return std::nullopt;
    std::optional<McapMessage> message;
    const auto head = next_head();
    if (!head || !take_record(*head, message)) has_ended_ = true;
    if (message) return message;
  }
}

bool McapReader::read(char* into, std::size_t size) {
  in_->read(into, static_cast<std::streamsize>(size));
  const auto got = static_cast<std::size_t>(in_->gcount());
  position_ += got;
  crc_ = mcap::crc_of({into, got}, crc_);
  return got == size;
}

/// As it comes: a length that is damage makes us hold no more than the file has.
bool McapReader::read_content(const Head& head, std::string& into) {
  constexpr std::uint64_t kStep = std::uint64_t{1} << 20;
  into.clear();
  for (std::uint64_t left = head.length; left > 0;) {
    const auto step = static_cast<std::size_t>(std::min(left, kStep));
    const std::size_t before = into.size();
    into.resize(before + step);
    if (!read(into.data() + before, step)) {
      stop(head.at, "the file ends within a record that begins here");
      return false;
    }
    left -= step;
  }
  into.reserve(into.size() + Decoder::kPadding);
  return true;
}

bool McapReader::skip(std::uint64_t size) {
  std::array<char, 16'384> bytes;
  while (size > 0) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(size, bytes.size()));
    if (!read(bytes.data(), step)) return false;
    size -= step;
  }
  return true;
}

std::optional<McapReader::Head> McapReader::next_head() {
  const std::uint64_t at = position_;
  const std::uint32_t crc = crc_;
  std::string bytes(mcap::kHeadBytes, '\0');
  if (!read(bytes.data(), bytes.size())) {
    stop(at, position_ == at ? "the file ends without the record that ends its data: it was cut, "
                               "or is still being written"
                             : "the file ends within the head of a record");
    return std::nullopt;
  }
  ByteReader reader(bytes);
  const auto op = reader.fixed<std::uint8_t>();
  const Head head{.at = at, .op = static_cast<Op>(op), .length = reader.fixed<std::uint64_t>()};
  if (op == 0) {
    stop(at, "no record begins with a zero");
    return std::nullopt;
  }
  if (head.op == Op::kDataEnd) {
    take_data_end(head, crc);
    return std::nullopt;
  }
  return head;
}

void McapReader::take_data_end(const Head& head, std::uint32_t crc) {
  if (head.length != sizeof crc) return stop(head.at, "the record that ends the data is damaged");
  if (!read_content(head, content_)) return;
  const auto told = ByteReader(content_).fixed<std::uint32_t>();
  if (told == 0 || told == crc || fault_count_ > 0) return;
  fault(head.at, "what stands before does not match the checksum of the file's data");
}

bool McapReader::take_record(const Head& head, std::optional<McapMessage>& message) {
  const auto too_large = [&](std::string_view what, std::uint64_t most) {
    fault(head.at, fmt::format("{} of {} bytes is passed over: at most {} are held", what,
                               head.length, most));
  };
  switch (head.op) {
    case Op::kFooter:
      stop(head.at, "the summary ends, and nothing has told where the data do");
      return false;
    case Op::kChannel:
      if (head.length <= kMaxChannelBytes) {
        if (!read_content(head, content_)) return false;
        take_channel(head.at, content_);
        return true;
      }
      too_large("a channel", kMaxChannelBytes);
      break;
    case Op::kMessage:
      if (head.length <= kMaxChunkBytes) {
        if (!read_content(head, content_)) return false;
        message = message_of(head.at, content_);
        return true;
      }
      too_large("a message", kMaxChunkBytes);
      break;
    case Op::kChunk:
      if (head.length <= kMaxChunkBytes) {
        if (!read_content(head, content_)) return false;
        open_chunk(head);
        return !has_ended_;
      }
      too_large("a chunk", kMaxChunkBytes);
      break;
    default:
      break;
  }
  if (skip(head.length)) return true;
  stop(head.at, "the file ends within a record that begins here");
  return false;
}

void McapReader::open_chunk(const Head& head) {
  ByteReader reader(content_);
  reader.fixed<std::uint64_t>();  // the times of its first and last message
  reader.fixed<std::uint64_t>();
  const auto size = reader.fixed<std::uint64_t>();
  const auto crc = reader.fixed<std::uint32_t>();
  const std::string compression(text_of(reader));
  const auto packed_size = reader.fixed<std::uint64_t>();
  const std::size_t packed_at = content_.size() - reader.left();
  reader.bytes(packed_size);
  if (!reader.ok()) return fault(head.at, "a chunk contradicts its own sizes");
  if (size > kMaxChunkBytes) {
    return fault(head.at, fmt::format("a chunk of {} bytes is passed over: at most {} are held",
                                      size, kMaxChunkBytes));
  }
  if (!compression.empty() && compression != "zstd") {
    return stop(
        head.at,
        fmt::format("a chunk is packed by {}, and only zstd is read here, or nothing: `mcap "
                    "compress --compression zstd` packs the file anew",
                    compression));
  }
  chunk_at_ = head.at;
  chunk_next_ = 0;
  content_.resize(packed_at + static_cast<std::size_t>(packed_size));
  content_.erase(0, packed_at);
  auto unpacked = decode_what_is_there(std::exchange(content_, {}), compression,
                                       static_cast<std::size_t>(size));
  if (unpacked.fault || unpacked.body.size() != size) {
    return fault(head.at, "a chunk cannot be unpacked to what it says to hold");
  }
  if (crc != 0 && mcap::crc_of(unpacked.body) != crc) {
    return fault(head.at, "a chunk does not match its checksum");
  }
  chunk_ = std::move(unpacked.body);
  chunk_.reserve(chunk_.size() + Decoder::kPadding);
}

std::optional<McapMessage> McapReader::next_of_chunk() {
  while (chunk_next_ < chunk_.size()) {
    ByteReader reader(std::string_view(chunk_).substr(chunk_next_));
    const auto op = static_cast<Op>(reader.fixed<std::uint8_t>());
    const auto length = reader.fixed<std::uint64_t>();
    const std::string_view content = reader.bytes(length);
    if (!reader.ok()) {
      fault(chunk_at_,
            fmt::format("the chunk's record at its byte {} is longer than the chunk", chunk_next_));
      return std::nullopt;
    }
    chunk_next_ += mcap::kHeadBytes + content.size();
    if (op == Op::kChannel) take_channel(chunk_at_, content);
    if (op != Op::kMessage) continue;
    if (auto message = message_of(chunk_at_, content)) return message;
  }
  return std::nullopt;
}

void McapReader::take_channel(std::uint64_t at, std::string_view content) {
  ByteReader reader(content);
  const auto id = reader.fixed<std::uint16_t>();
  reader.fixed<std::uint16_t>();  // its schema: JSON is read without
  Channel channel{.topic = std::string(text_of(reader)), .encoding = std::string(text_of(reader))};
  if (!reader.ok()) return fault(at, "a channel's record is cut short");
  const auto known = channels_.find(id);
  if (known != channels_.end()) {
    channels_bytes_ -= known->second.topic.size() + known->second.encoding.size();
  }
  channels_bytes_ += channel.topic.size() + channel.encoding.size();
  if (channels_bytes_ > kMaxChannelsBytes) {
    return stop(at, fmt::format("the channels' names have more than {} bytes", kMaxChannelsBytes));
  }
  channels_.insert_or_assign(id, std::move(channel));
}

std::optional<McapMessage> McapReader::message_of(std::uint64_t at, std::string_view content) {
  ByteReader reader(content);
  const auto id = reader.fixed<std::uint16_t>();
  reader.fixed<std::uint32_t>();  // its number in the channel
  const auto log_time = reader.fixed<std::uint64_t>();
  reader.fixed<std::uint64_t>();  // when it was published
  if (!reader.ok()) {
    fault(at, "a message is shorter than its head");
    return std::nullopt;
  }
  const auto channel = channels_.find(id);
  if (channel == channels_.end()) {
    fault(at, fmt::format("a message is of channel {}, which nothing before it names", id));
    return std::nullopt;
  }
  return McapMessage{.topic = channel->second.topic,
                     .encoding = channel->second.encoding,
                     .log_time_ns = log_time,
                     .data = reader.bytes(reader.left())};
}

void McapReader::fault(std::uint64_t at, std::string_view why) {
  constexpr std::size_t kMostTold = 10;
  ++fault_count_;
  if (faults_.size() < kMostTold) faults_.push_back(fmt::format("byte {}: {}", at, why));
}

void McapReader::stop(std::uint64_t at, std::string_view why) {
  fault(at, why);
  has_ended_ = true;
}

}  // namespace slipstream
