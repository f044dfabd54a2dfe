#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "racing/insights.h"

namespace slipstream {

/// Makes events of what holds from moment to moment: a notice is raised once, when what it tells
/// has held for a while, raised again where it becomes more severe, and cleared once, when it has
/// not held for a while. Times are those of the steady clock; how long "a while" is hangs on the
/// kind of the notice.
/// Memory: a state for each notice that holds. Threads: one.
class NoticeBoard {
 public:
  /// `holding`: all that holds now. What is raised or cleared by that.
  std::vector<Notice> update(std::vector<Notice> holding, Moment now);
  bool is_empty() const { return states_.empty(); }

 private:
  using Key = std::tuple<std::string, std::string, std::string_view>;  ///< track, chassis, figure
  struct State {
    Notice notice;  ///< as it held last
    SteadyTime since;
    SteadyTime held;           ///< the last time
    SteadyTime was_as_severe;  ///< the last time that it held as severely as it was raised
    std::optional<Severity> raised;
  };

  std::map<Key, State> states_;
};

}  // namespace slipstream
