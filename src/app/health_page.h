#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/object_writer.h"

namespace slipstream {

/// What a problem is of. In this order they are told: what stands first is often what those behind
/// it come from.
enum class ProblemArea : std::uint8_t {
  kData,
  kStore,
  kLog,
  kQueues,
  kConnections,
  kRedis,
  kOther,
};

/// What /api/health says, put together from what each component tells of itself. Its members stand
/// in the order that is listed in health_page.cc; what is not listed stands behind them, in the
/// order in which it was told. One thread.
class HealthPage {
 public:
  /// Where the member's value is to be written. "redis.streams": the member `streams` of the object
  /// `redis`. Each once.
  std::string& member(std::string_view path);
  /// The same, of an object.
  ObjectWriter object(std::string_view path) { return ObjectWriter(member(path)); }

  /// What keeps the server from its job right now: it is unfit.
  void problem(ProblemArea area, std::string sentence);
  /// What somebody should look at, though the server does its work.
  void notice(std::string sentence);

  bool is_ok() const { return problems_.empty(); }
  /// The whole, when all have told.
  std::string text() &&;

 private:
  struct Member {
    std::string path;
    std::string value;
  };
  struct Problem {
    ProblemArea area;
    std::string sentence;
  };
  void write_problems();
  std::vector<const Member*> in_order() const;

  std::deque<Member> members_;
  std::vector<Problem> problems_;
  std::vector<std::string> notices_;
};

}  // namespace slipstream
