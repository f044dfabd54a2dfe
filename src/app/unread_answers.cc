#include "app/unread_answers.h"

#include <utility>

#include "net/body_source.h"

namespace slipstream {

class UnreadAnswers::Body final : public BodySource {
 public:
  Body(std::shared_ptr<Account> account, std::string text)
      : account_(std::move(account)), text_(std::move(text)), counted_(text_.size()) {}
  ~Body() override { account_->bytes.fetch_sub(counted_, std::memory_order_relaxed); }

  void next(PieceTaker give) override {
    std::string piece = text_.substr(at_, kPieceBytes);
    at_ += piece.size();
    give(std::move(piece));
  }

 private:
  const std::shared_ptr<Account> account_;
  const std::string text_;
  const std::size_t counted_;
  std::size_t at_ = 0;
};

HttpResponse UnreadAnswers::hold(HttpResponse response) const {
  if (response.source || response.body.size() <= BodySource::kPieceBytes) return response;
  const std::size_t size = response.body.size();
  // One alone is always let through: an answer has a bound of its own.
  const std::size_t before = account_->bytes.fetch_add(size, std::memory_order_relaxed);
  if (before > 0 && before + size > account_->most) {
    account_->bytes.fetch_sub(size, std::memory_order_relaxed);
    HttpResponse refused = error_response(
        503, "too much of what was answered is not read yet: try again later, or ask for less");
    refused.headers.emplace_back("Retry-After", "5");
    return refused;
  }
  response.source = std::make_shared<Body>(account_, std::exchange(response.body, {}));
  return response;
}

}  // namespace slipstream
