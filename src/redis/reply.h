#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

struct redisReader;

namespace slipstream {

enum class ReplyType : std::uint8_t { kNil, kInteger, kStatus, kError, kString, kArray };

class ReplyView;

/// One reply as a tree without pointers: nodes in one vector, texts behind each other in another,
/// an array's members side by side. Reused, it allocates nothing once warm. A copy is independent.
/// Threads: one at a time.
class RedisReply {
 public:
  /// So many bytes behind every text may be read (not used): what parsers of JSON want.
  static constexpr std::size_t kTextPadding = 64;

  /// Of all its texts.
  std::size_t bytes() const { return text_.size(); }
  /// Valid until this reply is changed, moved or destroyed. Nil while it is empty.
  ReplyView view() const;

 private:
  friend class ReplyView;
  friend class ReplyReader;
  struct Node {
    std::int64_t value = 0;  // integer, or where the text or the first member begins
    std::uint32_t size = 0;  // bytes of text, or members
    ReplyType type = ReplyType::kNil;
  };
  void clear();

  std::vector<Node> nodes_;  // the root first
  std::string text_;
};

/// A part of a reply; two words, passed by value. Lives as long as the reply does. What is not
/// there reads as nil, zero or empty: a reply of another shape than hoped for harms nobody.
class ReplyView {
 public:
  ReplyView() = default;  // nil

  ReplyType type() const { return node().type; }
  bool is_nil() const { return type() == ReplyType::kNil; }
  bool is_error() const { return type() == ReplyType::kError; }
  bool is_array() const { return type() == ReplyType::kArray; }
  /// Of kString, kStatus and kError; empty otherwise.
  std::string_view text() const;
  /// Of kInteger, or the number a kString or kStatus spells; 0 otherwise.
  std::int64_t integer() const;
  /// Members of an array; 0 of anything else.
  std::size_t size() const { return is_array() ? node().size : 0; }
  /// Nil beyond the end.
  ReplyView operator[](std::size_t i) const;
  /// In an array of names and values in turn (XINFO, CLUSTER SHARDS): the value of `name`, or nil.
  ReplyView member(std::string_view name) const;
  /// A copy that stands alone.
  RedisReply copy() const;

 private:
  friend class RedisReply;
  ReplyView(const RedisReply& reply, std::size_t index) : reply_(&reply), index_(index) {}
  const RedisReply::Node& node() const;

  const RedisReply* reply_ = nullptr;
  std::size_t index_ = 0;
};

/// What an error reply means for the one who asked.
enum class ReplyError : std::uint8_t {
  kNone,      // no error at all
  kMoved,     // the slot is served elsewhere from now on
  kAsk,       // this once elsewhere, after ASKING
  kTryAgain,  // TRYAGAIN, CLUSTERDOWN, LOADING, MASTERDOWN, BUSY: the same later
  kReadOnly,  // a replica: the master is elsewhere
  kAccess,    // NOAUTH, WRONGPASS, NOPERM: no use in trying again
  kOther,
};
ReplyError classify(ReplyView reply);
/// The command was not done, and must go to another server: MOVED, ASK, READONLY. For callers with
/// pipelines of their own: RedisServers::learn(), connect anew, send again from this command on.
bool is_redirect(ReplyView reply);

/// Puts replies together from bytes as they come, however they are cut.
/// Threads: one at a time.
class ReplyReader {
 public:
  enum class Status { kReply, kMore, kBroken };

  ReplyReader();
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  /// `bytes` are copied. In slices of up to kSlice it is fastest: a reply that ends moves what
  /// stands behind it.
  void feed(std::string_view bytes);
  /// kReply: reply() is the next one, until the next call. kBroken, for good: see error().
  Status next();
  ReplyView reply() const { return reply_.view(); }
  /// Hands the reply over, and takes what `other` held to build the next one in.
  void swap_reply(RedisReply& other) { std::swap(reply_, other); }
  std::string_view error() const;

  static constexpr std::size_t kSlice = 16 << 10;
  /// A reply with more parts is refused as broken: 256 MB of nodes.
  static constexpr std::size_t kMaxNodes = std::size_t{1} << 24;

 private:
  struct Build;
  struct Free {
    void operator()(redisReader* reader) const;
  };

  RedisReply reply_;
  bool is_under_way_ = false;
  std::unique_ptr<redisReader, Free> reader_;
};

}  // namespace slipstream
