#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/insight_update.h"
#include "model/tags.h"

namespace slipstream {

/// What of the points and rollups a client wants. Clients that want the same share the encoding.
/// Immutable once it is in use. Lists are sorted and free of repeats.
struct Filter {
  std::vector<std::string> tracks = {};   ///< empty: all
  std::vector<std::string> chassis = {};  ///< empty: all
  TagFilter tags = {};                    ///< of points and rollups; insights are of machines
  std::vector<std::string> fields = {};   ///< beside what says which point it is; empty: all
  std::vector<std::string> windows = {};  ///< rollups that are not stored, but wanted
  double max_hz = 0;  ///< 0: every point; else the newest of each series so often

  bool matches(std::string_view track, std::string_view chassis, std::string_view tags) const;
  bool wants_track(std::string_view track) const;
  /// A mark about no machine is for whoever takes its track.
  bool matches_event(std::string_view track, std::string_view about) const;
  bool is_empty_where() const { return tracks.empty() && chassis.empty() && tags.is_empty(); }
  bool wants_window(std::string_view name) const;

  friend bool operator==(const Filter&, const Filter&) = default;
};

/// Leaves of objects what a filter's `fields` ask for. One thread.
class Projection {
 public:
  /// `identity`: the members that every point keeps.
  Projection(const Filter& filter, const std::vector<std::string>& identity);

  bool keeps_all() const { return keeps_all_; }
  /// Appends a point's JSON.
  void append_point(std::string& out, std::string_view json) const;
  /// Appends a rollup's JSON: of its statistics those of the fields.
  void append_rollup(std::string& out, std::string_view json) const;

 private:
  bool is_kept(const std::vector<std::string>& names, std::string_view name) const;

  const bool keeps_all_;
  std::vector<std::string> point_members_;  ///< as JSON spells them, sorted
  std::vector<std::string> fields_;         ///< likewise
};

/// Of an insight_update what is about the machines that the filter wants; empty: nothing is.
std::string filter_insights(const InsightUpdate& update, const Filter& filter);

}  // namespace slipstream
