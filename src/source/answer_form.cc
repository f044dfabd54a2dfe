#include "source/answer_form.h"

#include <fmt/format.h>

#include "base/json_text.h"
#include "net/http.h"

namespace slipstream {
namespace {

constexpr unsigned kServiceUnavailable = 503;

class JsonAnswers : public AnswerForm {
 public:
  std::string_view key_prefix() const override { return {}; }

  Text of(const IngestOutcome& outcome) const override {
    std::string errors;
    for (const auto& error : outcome.errors) {
      if (!errors.empty()) errors += ',';
      fmt::format_to(std::back_inserter(errors), R"({{"index":{},"reason":"{}","message":)",
                     error.index, to_string(error.reason));
      append_json_string(errors, error.message);
      errors += '}';
    }
    return {outcome.status,
            fmt::format(R"({{"ok":{},"accepted":{},"rejected":{},"errors":[{}]}})",
                        outcome.status == 200, outcome.accepted, outcome.rejected, errors)};
  }

  Text of(NotTaken reason) const override {
    const IngestError error{0, RejectReason::kOverloaded, std::string(message_of(reason))};
    // Of what was taken nothing was refused.
    const std::size_t rejected = reason == NotTaken::kNotSafe ? 0 : 1;
    return of(IngestOutcome{
        .status = kServiceUnavailable, .rejected = rejected, .errors = std::span(&error, 1)});
  }

  Text complaint(unsigned status, std::string_view message) const override {
    return {status, error_response(status, message).body};
  }
};

class MarkAnswers final : public JsonAnswers {
 public:
  std::string_view key_prefix() const override { return "mark\n"; }
  Text of(const IngestOutcome& outcome) const override {
    auto text = JsonAnswers::of(outcome);
    if (text.status == 200) text.status = kCreated;
    return text;
  }
  Text of(NotTaken reason) const override { return JsonAnswers::of(reason); }

 private:
  static constexpr unsigned kCreated = 201;
};

}  // namespace

std::string_view message_of(NotTaken reason) {
  return reason == NotTaken::kNotSafe
             ? "the log cannot be written: the points were taken but are not safe; with an "
               "Idempotency-Key they can be sent again"
             : "too many bodies are waiting to be decoded";
}

const AnswerForm& mark_answers() {
  static const MarkAnswers form;
  return form;
}

const AnswerForm& json_answers() {
  static const JsonAnswers form;
  return form;
}

}  // namespace slipstream
