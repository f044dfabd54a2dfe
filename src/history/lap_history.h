#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "history/learned_line.h"
#include "history/point_reader.h"
#include "history/trace.h"
#include "model/stored_laps.h"
#include "racing/lap_path.h"

namespace slipstream {

/// What the fields are called that laps are told apart and placed by.
struct HistoryNames {
  std::string distance = "lapdist_m";
  std::string speed = "speed_kmh";
  std::string x = "x_m";  ///< of a game's world; its plane is x and z
  std::string z = "z_m";
  std::string session_time = "session_time_s";
  /// Of each pair, degrees. The first that a machine has counts. VBOX's names say minutes: what the
  /// loggers send by them is degrees.
  std::vector<std::pair<std::string, std::string>> latitude_longitude = {
      {"VBOX_Lat_Min", "VBOX_Long_Minutes"}, {"lat", "lon"}, {"latitude", "longitude"}};
};

enum class TraceBy : std::uint8_t { kTime, kDistance, kPosition };

/// A lap's trace, or one of a machine's time.
struct TraceRequest {
  std::optional<StoredLap> lap = {};
  PointQuery range = {};  ///< where there is no lap; without fields
  std::vector<std::string> fields = {};
  TraceBy by = TraceBy::kTime;
  std::size_t points = 2'000;
};
struct TraceAnswer {
  Trace trace;
  std::uint64_t lost = 0;  ///< as MachinePoints', and the lap's points that are gone
  /// What came to the server before that time is gone from the log, and some of it was asked for.
  std::optional<EventTime> gone_before = {};
};

struct ComparedLap {
  StoredLap lap;
  std::vector<MachinePoints::Column> fields;
  std::vector<double> delta_s;  ///< against the first lap; NaN is null
  std::uint64_t lost = 0;
};
struct Comparison {
  std::vector<double> x;
  std::vector<ComparedLap> laps;
};

/// What is known of a track's line before a question is answered.
struct KnownLine {
  std::string name = {};                 ///< that it is kept by
  std::optional<std::string> kept = {};  ///< its text, from the LapBook
  /// From which it can be learned, or made better, the newest first.
  std::vector<StoredLap> laps = {};
};
/// Seconds of the lap's own clock. A lap of which some was driven twice goes by the session's time,
/// which goes back with a flashback, where its points tell one.
std::vector<double> lap_seconds(const MachinePoints& points, const Lap& lap,
                                const std::string& session_time);
/// Whether a line can be learned of it.
bool is_good_to_learn_from(const StoredLap& lap);

/// Answers questions about recorded laps out of the log: traces, comparisons, track lines. Lines
/// are learned when they are asked for, from the newest laps that learn_track_line() looks at, and
/// anew when there are twice as many laps to learn from as there were, later with every
/// kLapsUntilAnew more. Errors: kRefused, the question cannot be answered as it is (what to ask
/// instead is told); kGone, too little of a lap is left in the log; others: PointReader's. Threads:
/// one at a time.
class LapHistory {
 public:
  /// Told of each line that was learned: its name and its text, to be kept.
  using KeepLine = std::function<void(std::string name, std::string text)>;

  LapHistory(PointReader reader, HistoryNames names, KeepLine keep);

  Result<TraceAnswer> trace(const TraceRequest& request, const KnownLine& line,
                            const std::stop_token& stop);
  /// All laps are complete, of one track. `step_m` > 0.
  Result<Comparison> compare(std::span<const StoredLap> laps,
                             const std::vector<std::string>& fields, double step_m,
                             const KnownLine& line, const std::stop_token& stop);
  /// Nothing: nothing can be learned yet.
  Result<std::optional<LearnedLine>> track(const KnownLine& line, const std::stop_token& stop);

  /// Reads on in the open segment, so that the next question need not.
  void keep_up(const std::stop_token& stop) { reader_.keep_up(stop); }

  static constexpr std::size_t kMostGridPoints = 200'000;
  static constexpr std::size_t kLapsUntilAnew = 100;

 private:
  struct ReadLap {
    MachinePoints points;
    LapPath path;
  };
  /// These fields, and those that the path is made of; or all there are.
  enum class Fields : std::uint8_t { kThese, kAll };
  Result<ReadLap> read_lap(const Lap& lap, const std::vector<std::string>& fields, Fields which,
                           const LearnedLine* line, const std::stop_token& stop);
  Result<std::optional<LearnedLine>> learn(const KnownLine& line, const std::stop_token& stop);
  void place(const MachinePoints& points, const LearnedLine& line, LapPath& path) const;
  std::optional<LearnedLine> frame_of(const MachinePoints& points) const;
  void remember(const LearnedLine& line);

  PointReader reader_;
  const HistoryNames names_;
  const KeepLine keep_;
  std::map<std::string, LearnedLine> lines_;  ///< learned here; at most kMostLines
  static constexpr std::size_t kMostLines = 64;
};

}  // namespace slipstream
