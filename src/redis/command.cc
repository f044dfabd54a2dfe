#include "redis/command.h"

#include <cassert>

#include "redis/stats.h"

namespace slipstream {

namespace {

void append_head(std::string& out, char kind, std::size_t count) {
  char head[24];
  head[0] = kind;
  char* end = std::to_chars(head + 1, head + sizeof head - 2, count).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(head, end);
}

}  // namespace

void CommandBuffer::begin(std::size_t arguments) {
  assert(missing_ == 0 && arguments > 0);
  append_head(bytes_, '*', arguments);
  missing_ = arguments;
  is_name_next_ = true;
}

void CommandBuffer::arg(std::string_view value) {
  assert(missing_ > 0);
  append_head(bytes_, '$', value.size());
  bytes_ += value;
  bytes_ += "\r\n";
  if (is_name_next_) name(value);
  --missing_;
}

void CommandBuffer::arg_id(std::uint64_t ms, std::uint64_t sequence) {
  char text[48];
  char* end = std::to_chars(text, text + 24, ms).ptr;
  *end++ = '-';
  end = std::to_chars(end, text + sizeof text, sequence).ptr;
  arg({text, end});
}

void CommandBuffer::command(std::span<const std::string_view> arguments) {
  begin(arguments.size());
  for (const auto argument : arguments) arg(argument);
}

void CommandBuffer::name(std::string_view value) {
  is_name_next_ = false;
  if (value != RedisStats::kNames[last_name_]) last_name_ = RedisStats::index_of(value);
  names_.push_back(last_name_);
}

void CommandBuffer::append(const CommandBuffer& other) {
  assert(missing_ == 0 && other.missing_ == 0);
  bytes_ += other.bytes_;
  names_.insert(names_.end(), other.names_.begin(), other.names_.end());
}

void CommandBuffer::clear() {
  bytes_.clear();
  names_.clear();
  missing_ = 0;
}

void CommandBuffer::take(std::string& out) {
  assert(missing_ == 0);
  out.clear();
  bytes_.swap(out);
  names_.clear();
}

}  // namespace slipstream
