#include "redis/reply.h"

#include <hiredis/read.h>

#include <charconv>
#include <new>

namespace slipstream {

ReplyView RedisReply::view() const {
  return nodes_.empty() ? ReplyView() : ReplyView(*this, 0);
}

void RedisReply::clear() {
  nodes_.clear();
  text_.clear();
}

const RedisReply::Node& ReplyView::node() const {
  static constexpr RedisReply::Node kNothing{};
  return reply_ == nullptr ? kNothing : reply_->nodes_[index_];
}

std::string_view ReplyView::text() const {
  const auto& n = node();
  if (n.type != ReplyType::kString && n.type != ReplyType::kStatus && n.type != ReplyType::kError) {
    return {};
  }
  return std::string_view(reply_->text_).substr(static_cast<std::size_t>(n.value), n.size);
}

std::int64_t ReplyView::integer() const {
  if (node().type == ReplyType::kInteger) return node().value;
  const auto digits = text();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc{} && end == digits.data() + digits.size() ? value : 0;
}

ReplyView ReplyView::operator[](std::size_t i) const {
  if (i >= size()) return {};
  return {*reply_, static_cast<std::size_t>(node().value) + i};
}

ReplyView ReplyView::member(std::string_view name) const {
  for (std::size_t i = 0; i + 1 < size(); i += 2) {
    if ((*this)[i].text() == name) return (*this)[i + 1];
  }
  return {};
}

RedisReply ReplyView::copy() const {
  RedisReply out;
  if (reply_ == nullptr) return out;
  if (index_ == 0) {
    out = *reply_;
    out.text_.reserve(out.text_.size() + RedisReply::kTextPadding);
    return out;
  }
  // Breadth first, so that an array's members stay side by side.
  out.nodes_.push_back(node());
  for (std::size_t i = 0; i < out.nodes_.size(); ++i) {
    auto n = out.nodes_[i];
    const auto begin = static_cast<std::size_t>(n.value);
    if (n.type == ReplyType::kArray) {
      n.value = static_cast<std::int64_t>(out.nodes_.size());
      const auto first = reply_->nodes_.begin() + static_cast<std::ptrdiff_t>(begin);
      out.nodes_.insert(out.nodes_.end(), first, first + n.size);
    } else if (n.type != ReplyType::kNil && n.type != ReplyType::kInteger) {
      n.value = static_cast<std::int64_t>(out.text_.size());
      out.text_.append(reply_->text_, begin, n.size);
    }
    out.nodes_[i] = n;
  }
  out.text_.reserve(out.text_.size() + RedisReply::kTextPadding);
  return out;
}

ReplyError classify(ReplyView reply) {
  if (!reply.is_error()) return ReplyError::kNone;
  const auto text = reply.text();
  const auto word = text.substr(0, text.find(' '));
  if (word == "MOVED") return ReplyError::kMoved;
  if (word == "ASK") return ReplyError::kAsk;
  for (const auto transient : {"TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "BUSY"}) {
    if (word == transient) return ReplyError::kTryAgain;
  }
  if (word == "READONLY") return ReplyError::kReadOnly;
  for (const auto access : {"NOAUTH", "WRONGPASS", "NOPERM"}) {
    if (word == access) return ReplyError::kAccess;
  }
  return ReplyError::kOther;
}

bool is_redirect(ReplyView reply) {
  const auto error = classify(reply);
  return error == ReplyError::kMoved || error == ReplyError::kAsk || error == ReplyError::kReadOnly;
}

/// What hiredis's reader calls for each part. To it an object is an opaque pointer: here a node's
/// index plus one. Null would mean that there is no memory.
struct ReplyReader::Build {
  using Node = RedisReply::Node;

  static std::size_t index_of(const void* object) {
    return reinterpret_cast<std::uintptr_t>(object) - 1;
  }
  static void* object_of(std::size_t index) {
    return reinterpret_cast<void*>(index + 1);  // NOLINT(performance-no-int-to-ptr)
  }

  static void* put(const redisReadTask* task, const Node& node) {
    auto& nodes = static_cast<RedisReply*>(task->privdata)->nodes_;
    std::size_t index = 0;
    if (task->parent == nullptr) {
      nodes.push_back(node);
    } else {
      index = static_cast<std::size_t>(nodes[index_of(task->parent->obj)].value) +
              static_cast<std::size_t>(task->idx);
      nodes[index] = node;
    }
    return object_of(index);
  }

  static void* text(const redisReadTask* task, char* bytes, std::size_t size) {
    auto& arena = static_cast<RedisReply*>(task->privdata)->text_;
    const Node node{static_cast<std::int64_t>(arena.size()), static_cast<std::uint32_t>(size),
                    task->type == REDIS_REPLY_ERROR    ? ReplyType::kError
                    : task->type == REDIS_REPLY_STATUS ? ReplyType::kStatus
                                                       : ReplyType::kString};
    if (arena.capacity() - arena.size() < size + RedisReply::kTextPadding) {
      arena.reserve(2 * arena.capacity() + size + RedisReply::kTextPadding);
    }
    arena.append(bytes, size);
    return put(task, node);
  }
  static void* array(const redisReadTask* task, int size) {
    auto& nodes = static_cast<RedisReply*>(task->privdata)->nodes_;
    const auto members = static_cast<std::size_t>(size);
    if (nodes.size() + members + 1 > kMaxNodes) return nullptr;
    // The root itself comes first.
    const std::size_t first = nodes.size() + (task->parent == nullptr ? 1 : 0);
    void* object = put(task, {static_cast<std::int64_t>(first), static_cast<std::uint32_t>(members),
                              ReplyType::kArray});
    nodes.resize(first + members);
    return object;
  }
  static void* integer(const redisReadTask* task, long long value) {
    return put(task, {value, 0, ReplyType::kInteger});
  }
  static void* nil(const redisReadTask* task) { return put(task, {}); }
  static void free(void*) {}

  static inline redisReplyObjectFunctions functions{text, array, integer, nil, free};
};

void ReplyReader::Free::operator()(redisReader* reader) const {
  redisReaderFree(reader);
}

ReplyReader::ReplyReader() : reader_(redisReaderCreateWithFunctions(&Build::functions)) {
  if (!reader_) throw std::bad_alloc();
  reader_->maxbuf = 0;  // keeps its memory between replies
  reader_->privdata = &reply_;
}

ReplyReader::~ReplyReader() = default;

void ReplyReader::feed(std::string_view bytes) {
  redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
}

ReplyReader::Status ReplyReader::next() {
  if (!is_under_way_) reply_.clear();
  is_under_way_ = true;
  void* root = nullptr;
  if (redisReaderGetReply(reader_.get(), &root) != REDIS_OK) return Status::kBroken;
  if (root == nullptr) return Status::kMore;
  is_under_way_ = false;
  return Status::kReply;
}

std::string_view ReplyReader::error() const {
  return reader_->errstr;
}

}  // namespace slipstream
