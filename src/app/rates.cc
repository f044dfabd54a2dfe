#include "app/rates.h"

namespace slipstream {

Rates RateMeter::advance(const Totals& now) {
  Rates rates;
  const double seconds = static_cast<double>(now.at - before_.at) * 1e-9;
  if (before_.at != kNever && seconds > 0) {
    const auto rate = [seconds](std::uint64_t after, std::uint64_t earlier) {
      return static_cast<double>(after - earlier) / seconds;
    };
    rates.received = rate(now.received, before_.received);
    rates.rollups = rate(now.rollups, before_.rollups);
    rates.rejected = rate(now.rejected, before_.rejected);
    rates.skipped = rate(now.skipped, before_.skipped);
    rates.kernel_drops = rate(now.kernel_drops, before_.kernel_drops);
    const auto batches = now.batches - before_.batches;
    if (batches > 0) {
      rates.processing_ms = (now.processing_seconds - before_.processing_seconds) * 1e3 /
                            static_cast<double>(batches);
    }
  }
  before_ = now;
  return rates;
}

}  // namespace slipstream
