#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace slipstream::bench {

/// What two runs of one benchmark differ in. A figure is named by its way through the JSON:
/// `latency[rate=500 clients=1].p50_ms`. Rows of a list are told apart by their texts and by what
/// they were set to (see comparison.cc), not by their place, so that a new row moves no other.
struct Comparison {
  struct Moved {
    std::string figure;
    double before;
    double after;
    double change;  ///< as a share of before: -0.5 is half; infinite where before was nothing
  };
  std::size_t compared = 0;              ///< figures that are in both
  std::vector<Moved> moved;              ///< the largest change first, whichever its sign
  std::vector<std::string> only_before;  ///< a whole section or row once, by its own name
  std::vector<std::string> only_after;
};

/// Of the JSON of two runs: what moved by more than a share of what it was. Yes and no count as 1
/// and 0. Throws std::runtime_error where a text is no JSON.
Comparison compare(const std::string& before, const std::string& after, double share);

/// As lines for people.
std::string to_text(const Comparison& comparison, double share);

}  // namespace slipstream::bench
