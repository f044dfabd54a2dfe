#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace slipstream::bench {

/// What every benchmark is told, and where its figures go:
/// `[PART] [--json FILE] [--against FILE] [--trials N]`.
class Report {
 public:
  /// Ends the program with 2 where it is told what it does not know, or where the file to compare
  /// with cannot be read. That file is read here and now: it may be the one that is written. Of a
  /// directory it is the one with the program's name, if there is one.
  Report(int argc, char** argv);

  /// Whether a part is to be run: each, unless one is named.
  bool wants(std::string_view part) const { return part_.empty() || part_ == part; }
  int trials(int usual) const { return trials_.value_or(usual); }

  /// Writes the figures to the file of --json, and prints what moved against the earlier run.
  /// Returns the program's exit code; that figures moved is no failure.
  int finish(const std::string& json) const;

 private:
  std::string part_;
  std::string file_;
  std::string against_;                ///< its name
  std::optional<std::string> before_;  ///< what stood in it
  std::optional<int> trials_;
};

/// Members of a JSON object as one: those that are empty, of parts that were not run, are left out.
std::string json_object(std::initializer_list<std::string> members);

}  // namespace slipstream::bench
