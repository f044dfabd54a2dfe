#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "cli/commands.h"
#include "history/point_query.h"
#include "model/mark.h"
#include "model/point.h"
#include "model/schema.h"
#include "store/lap_reader.h"

namespace slipstream {

/// The lap or session that an export is restricted to, as the store has it. What is in it is told
/// by machine and time, and so is what a flashback took back of it: for that, all marks of the log
/// are learnt once, and each further pass over the log begins anew. One thread.
class ExportScope {
 public:
  /// What --lap or --session asks for. Errors say what is wrong with it, and what to do.
  static Result<ExportScope> find(const std::filesystem::path& data_dir,
                                  const ExportOptions& options);

  const std::optional<StoredLap>& lap() const { return lap_; }
  /// Of a lap there is none.
  const std::optional<SessionContents>& session() const { return session_; }

  /// The machines that are in it, and what of the points of one is.
  const std::set<std::string, std::less<>>& machines() const { return machines_; }
  std::vector<PointQuery> queries_of(const std::string& chassis) const;
  /// By their beginning.
  std::vector<StoredLap> laps_of(const std::string& chassis) const;

  /// Of the marks, in the log's order. Errors: kRefused, too many go back.
  Result<void> learn(const Mark& mark);
  /// A pass over points and marks begins, whose fields are numbered by these.
  void begin(FieldTable& fields);
  /// It is at this mark.
  void pass(const Mark& mark);
  /// It is at this point.
  bool has(const PointBatch& batch, const Point& point) const;
  bool has(const Mark& mark) const;

  /// What is to be said where so many points of a whole lap are fewer than it had; empty: nothing.
  std::string note_of(std::uint64_t points) const;

  static constexpr std::size_t kMostFlashbacks = 10'000;

 private:
  explicit ExportScope(StoredLap lap);
  explicit ExportScope(SessionContents session);
  void add(const PointQuery& query);
  bool is_taken_back(const PointQuery& query, EventTime time, double session_time_s) const;

  std::optional<StoredLap> lap_;
  std::optional<SessionContents> session_;
  std::string track_;
  EventTime from_;
  EventTime to_;
  std::set<std::string, std::less<>> machines_;
  std::set<std::string, std::less<>> parts_;  ///< as the source calls them
  std::unordered_map<std::uint64_t, std::vector<PointQuery>> queries_;  ///< by series_hash()
  std::vector<Mark> flashbacks_;                                        ///< in the log's order
  std::size_t passed_ = 0;                                              ///< so many of them
  std::optional<FieldId> session_time_;
};

}  // namespace slipstream
