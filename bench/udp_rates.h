#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace slipstream::bench {

/// What a process did with a load of a given rate.
struct RateTrial {
  double cpu_us_per_point = 0;    ///< of the whole process, kernel included
  double lost_share = 0;          ///< sent and not taken, wherever it went
  double kernel_drops_share = 0;  ///< of those sent: the server's buffer was full
  double wakes_per_second = 0;    ///< of all threads
  double sent_per_second = 0;
  std::uint64_t memory_bytes = 0;  ///< resident, after the load
};

struct RateRow {
  double rate;
  RateTrial bare;    ///< which blocks in `poll` and counts
  RateTrial server;  ///< by default settings, without a client
};

struct IdleTrial {
  double cpu_share = 0;  ///< of one core
  double wakes_per_second = 0;
};

/// What points cost at rates from a race's own upwards, the bare receiver and the server in turns;
/// printed as it goes. Medians of three trials, but what was lost is of all of them together.
std::vector<RateRow> run_rates();
/// A server to which nothing is sent; printed.
IdleTrial run_idle();

/// `"rates":[...],"idle":{...}`
std::string rates_json(const std::vector<RateRow>& rows, const IdleTrial& idle);

}  // namespace slipstream::bench
