#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/rejection.h"
#include "source/influx_answer.h"

namespace slipstream {

/// A point that was refused; `index` counts the points of its body from 0.
struct IngestError {
  std::size_t index;
  RejectReason reason;
  std::string message;
};

/// What became of a body.
struct IngestOutcome {
  unsigned status = 200;  ///< as HTTP numbers them; 200: something was taken
  std::size_t accepted = 0;
  std::size_t rejected = 0;
  std::span<const IngestError> errors = {};  ///< the first ones; empty only if none was rejected
};

/// Why a body has no outcome to speak of.
enum class NotTaken : std::uint8_t {
  kTooManyWait,  ///< it was not looked at
  kNotSafe,      ///< it was taken, but the log cannot be written
};
/// For a person.
std::string_view message_of(NotTaken reason);

/// How a kind of client is answered. What it writes is kept with a body's key, to be given again.
/// Threads: any.
class AnswerForm {
 public:
  struct Text {
    unsigned status;
    std::string body;
    std::string error = {};  ///< what an ErrorShape makes the same body of; empty: nothing does
  };

  virtual ~AnswerForm() = default;
  /// Stands before a body's key in the list of those answered: answers differ by their form, so
  /// that a key of one is none of another.
  virtual std::string_view key_prefix() const = 0;
  virtual Text of(const IngestOutcome& outcome) const = 0;
  virtual Text of(NotTaken reason) const = 0;
  /// Of a body without a point, where that is nothing to be refused.
  virtual std::optional<Text> of_no_points() const { return std::nullopt; }
  /// Of a request that is not understood.
  virtual Text complaint(unsigned status, std::string_view message) const = 0;
};

/// {"ok":..,"accepted":..,"rejected":..,"errors":[..]}: of /api/ingest and of what WebSocket
/// clients publish.
const AnswerForm& json_answers();
/// Of /api/marks: the same, 201 where the mark was taken.
const AnswerForm& mark_answers();
/// InfluxDB's: 204, or an error in the API's shape.
const AnswerForm& influx_answers(InfluxApi api = InfluxApi::kV2);

}  // namespace slipstream
