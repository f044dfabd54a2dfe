#pragma once
#include <memory>
#include <string_view>

#include "base/error.h"
#include "model/rollup.h"
#include "model/schema.h"

namespace slipstream {

/// Reads back what append_rollup_json() wrote: all that a rollup's text says. What it does not say
/// (partition, sequence, last arrival, whether it is stored, how many points carry a field) stays
/// at its default. One thread.
class RollupDecoder {
 public:
  explicit RollupDecoder(FieldTable& fields);
  ~RollupDecoder();

  /// Errors: the text is no rollup. `json` needs no padding.
  Result<Rollup> decode(std::string_view json);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipstream
