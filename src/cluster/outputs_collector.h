#pragma once
#include <utility>
#include <vector>

#include "model/outputs.h"

namespace slipstream {

/// Keeps what a partition gives until somebody takes it. One thread.
class OutputsCollector final : public OutputSink {
 public:
  bool has_room() const override { return true; }
  void accept(Output output) override { outputs_.push_back(std::move(output)); }
  std::vector<Output> take() { return std::exchange(outputs_, {}); }
  bool is_empty() const { return outputs_.empty(); }

 private:
  std::vector<Output> outputs_;
};

}  // namespace slipstream
