// How InfluxDB's clients are answered for bodies of points.
#include <fmt/format.h>

#include "base/json_text.h"
#include "source/answer_form.h"
#include "source/influx_answer.h"

namespace slipstream {
namespace {

constexpr unsigned kTryAgain = 503;

std::string first_of(const IngestOutcome& outcome) {
  if (outcome.errors.empty()) return {};
  const IngestError& first = outcome.errors.front();
  return fmt::format("point {}: {}: {}", first.index, to_string(first.reason), first.message);
}

class InfluxAnswers : public AnswerForm {
 public:
  explicit InfluxAnswers(InfluxApi api) : api_(api) {}

  Text of(const IngestOutcome& outcome) const override {
    if (outcome.status == 200 && outcome.rejected == 0) return {204, {}};
    const std::string first = first_of(outcome);
    if (outcome.status != 200) return complaint(outcome.status, lead(outcome.status) + first);
    // After a 400 clients send nothing of it again.
    return complaint(400,
                     fmt::format("partial write: {} of {} points refused; {}", outcome.rejected,
                                 outcome.accepted + outcome.rejected, first));
  }

  Text of(NotTaken reason) const override {
    return complaint(kTryAgain, reason == NotTaken::kNotSafe
                                    ? "the log cannot be written: the points are not safe"
                                    : message_of(reason));
  }

  Text complaint(unsigned status, std::string_view message) const override {
    return {status, influx_error_body(api_, status, message), std::string(message)};
  }

 protected:
  /// Stands before what is said of a body that nothing was taken of.
  virtual std::string lead(unsigned) const { return {}; }

 private:
  const InfluxApi api_;
};

class InfluxV1Answers final : public InfluxAnswers {
 public:
  InfluxV1Answers() : InfluxAnswers(InfluxApi::kV1) {}
  std::string_view key_prefix() const override { return "influx1\n"; }
  std::optional<Text> of_no_points() const override { return Text{204, {}}; }

 protected:
  /// Telegraf lets go of what it is told so of, and sends everything else again for ever.
  std::string lead(unsigned status) const override {
    return status == 400 ? "unable to parse: " : "";
  }
};

class InfluxV2Answers final : public InfluxAnswers {
 public:
  InfluxV2Answers() : InfluxAnswers(InfluxApi::kV2) {}
  std::string_view key_prefix() const override { return "influx\n"; }
};

/// Of refused lines it gives a list, under sentences that its clients look for.
class InfluxV3Answers final : public InfluxAnswers {
 public:
  InfluxV3Answers() : InfluxAnswers(InfluxApi::kV3) {}
  std::string_view key_prefix() const override { return "influx3\n"; }
  using InfluxAnswers::of;

  Text of(const IngestOutcome& outcome) const override {
    const bool is_of_lines = outcome.status == 200 || outcome.status == 400;
    if (!is_of_lines || outcome.rejected == 0) return InfluxAnswers::of(outcome);
    std::string lines;
    for (const auto& error : outcome.errors) {
      fmt::format_to(std::back_inserter(lines),
                     R"({}{{"original_line":"","line_number":{},"error_message":)",
                     lines.empty() ? "" : ",", error.index + 1);
      append_json_string(lines, fmt::format("{}: {}", to_string(error.reason), error.message));
      lines += '}';
    }
    return {400, fmt::format(R"({{"error":"{}","data":[{}]}})",
                             outcome.status == 200 ? "partial write of line protocol occurred"
                                                   : "parsing failed for write_lp endpoint",
                             lines)};
  }
};

}  // namespace

const AnswerForm& influx_answers(InfluxApi api) {
  static const InfluxV1Answers v1;
  static const InfluxV2Answers v2;
  static const InfluxV3Answers v3;
  if (api == InfluxApi::kV1) return v1;
  if (api == InfluxApi::kV3) return v3;
  return v2;
}

}  // namespace slipstream
