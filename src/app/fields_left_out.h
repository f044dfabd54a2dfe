#pragma once
#include <optional>
#include <string>

#include "app/reminder.h"
#include "model/ingest_stats.h"
#include "model/schema.h"

namespace slipstream {

/// Tells of fields that points lost since they, or the names of all fields, were too many. Both
/// that it is given outlive it. One thread.
class FieldsLeftOut {
 public:
  FieldsLeftOut(const IngestStats& ingest, const FieldTable& fields)
      : ingest_(ingest), fields_(fields), told_(ingest.fields_dropped.value()) {}

  /// What is to be logged now: at most once a minute, how many more they are, and what to do.
  std::optional<std::string> look(SteadyTime now);

 private:
  const IngestStats& ingest_;
  const FieldTable& fields_;
  std::uint64_t told_;
  Reminder reminder_;
};

}  // namespace slipstream
