#pragma once
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "net/http.h"

namespace slipstream {

/// Large answers that are made as a whole, until their clients have read them: together they are no
/// more than so many bytes, however many clients there are that do not read. Threads: any. Outlives
/// nothing: what is being sent keeps the account alive.
class UnreadAnswers {
 public:
  explicit UnreadAnswers(std::size_t most_bytes = kMostBytes)
      : account_(std::make_shared<Account>(most_bytes)) {}

  /// The answer with its body as a source, which counts until the client has it or is gone; a small
  /// one as it is. Where too much is unread already: 503 with Retry-After in its place.
  HttpResponse hold(HttpResponse response) const;
  std::size_t bytes() const { return account_->bytes.load(std::memory_order_relaxed); }

  static constexpr std::size_t kMostBytes = std::size_t{256} << 20;

 private:
  struct Account {
    explicit Account(std::size_t most_bytes) : most(most_bytes) {}
    const std::size_t most;
    std::atomic<std::size_t> bytes = 0;
  };
  class Body;

  std::shared_ptr<Account> account_;
};

}  // namespace slipstream
