#pragma once
#include <map>
#include <memory>
#include <span>
#include <string>

#include "simulation/random.h"
#include "simulation/server.h"

namespace slipstream::simulation {

/// Who sends marks, and who gets them: both outlive the server.
class Marks final : public StoredMarkSink {
 public:
  /// What it did, for the trace.
  std::string offer(Server& server, Random& random, ArrivalTime now);
  void accept(std::span<const StoredMark> marks) override;
  /// Somebody spoils the log: what is in nothing but that is lost.
  void damaged() { is_damaged_ = true; }
  /// At rest: each that was acknowledged is in the store, once, and nothing else is; who gets them
  /// got each once.
  void check(const RollupStore& store);
  std::uint64_t checked() const { return checked_; }

 private:
  struct Sent {
    std::shared_ptr<bool> is_safe = std::make_shared<bool>(false);
    bool was_passed_on = false;
    bool is_lost = false;
  };
  std::map<std::string, Sent> sent_;  ///< by text
  std::uint64_t count_ = 0;
  MarkRow last_row_ = 0;
  bool is_damaged_ = false;  ///< since the last check
  std::uint64_t checked_ = 0;
};

}  // namespace slipstream::simulation
