#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>

#include "app/rollups_csv.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/export_motec.h"
#include "cli/export_scope.h"
#include "cli/mcap_writer.h"
#include "cli/output_file.h"
#include "cli/point_csv.h"
#include "cli/point_mcap.h"
#include "cli/progress_bar.h"
#include "cli/session.h"
#include "codec/event_time.h"
#include "codec/mark_json.h"
#include "codec/point_json.h"
#include "store/rollup_reader.h"

namespace slipstream {
namespace {

constexpr std::string_view kExport = "export";
constexpr std::string_view kMcap = "mcap";
constexpr std::string_view kMotec = "motec";
constexpr std::string_view kNothingByRedis =
    " (with DURABLE_LOG=redis no laps, sessions or points are kept here)";

/// Nothing where the output has the terminal for itself.
class ExportBar {
 public:
  ExportBar(const OutputFile& output, std::size_t total, ProgressBar::Unit unit) {
    if (!output.is_terminal()) bar_.emplace("export", total, unit);
  }
  void show(std::size_t done) {
    done_ = done;
    if (bar_) bar_->show(done);
  }
  ~ExportBar() {
    if (bar_) bar_->finish(done_);
  }

 private:
  std::optional<ProgressBar> bar_;
  std::size_t done_ = 0;
};

/// What of a log is wanted.
struct PointFilter {
  RollupFilter members = {};
  std::optional<ExportScope> scope = {};  ///< nothing: of all laps
};

bool is_wanted(const PointBatch& batch, const Point& point, const RollupFilter& filter) {
  return (!filter.from || point.event_time.ns >= filter.from->ns) &&
         (!filter.to || point.event_time.ns < filter.to->ns) &&
         (filter.track.empty() || batch.track(point) == filter.track) &&
         (filter.chassis.empty() || batch.chassis(point) == filter.chassis) &&
         filter.tags.matches(batch.tags(point));
}

/// A mark about no machine is of each. Tags tell a machine's series apart, which no mark is of.
bool is_wanted(const Mark& mark, const RollupFilter& filter) {
  return (!filter.from || mark.time.ns >= filter.from->ns) &&
         (!filter.to || mark.time.ns < filter.to->ns) &&
         (filter.track.empty() || mark.track == filter.track) &&
         (filter.chassis.empty() || mark.chassis.empty() || mark.chassis == filter.chassis) &&
         filter.tags.values() == 0;
}

using TakePoint = std::function<Result<void>(const PointBatch&, const Point&)>;
using TakeMark = std::function<Result<void>(const Mark& mark, std::string_view json)>;

Result<void> for_each_point(Session& session, PointFilter& filter, ExportBar& bar,
                            std::uint64_t bytes_before, const TakePoint& take,
                            const TakeMark& take_mark) {
  session.rewind();
  auto& scope = filter.scope;
  if (scope) scope->begin(session.fields());
  while (true) {
    const auto item = session.next();
    if (!item) return std::unexpected(item.error());
    bar.show(bytes_before + session.bytes_done());
    if (item->is_end()) return {};
    if (!item->mark.empty()) {
      const auto mark = parse_mark_json(item->mark, {});
      if (!mark) continue;
      if (scope) scope->pass(*mark);
      if (!is_wanted(*mark, filter.members) || (scope && !scope->has(*mark))) continue;
      if (auto taken = take_mark(*mark, item->mark); !taken) return taken;
      continue;
    }
    for (const Point& point : item->points->points) {
      if (scope && !scope->has(*item->points, point)) continue;
      if (!is_wanted(*item->points, point, filter.members)) continue;
      if (auto taken = take(*item->points, point); !taken) return taken;
    }
  }
}

/// What flashbacks took back is told by marks that stand behind it.
Result<void> learn_marks(Session& session, ExportScope& scope) {
  while (true) {
    const auto item = session.next();
    if (!item) return std::unexpected(item.error());
    if (item->is_end()) return {};
    if (item->mark.empty()) continue;
    const auto mark = parse_mark_json(item->mark, {});
    if (!mark) continue;
    if (auto learnt = scope.learn(*mark); !learnt) return learnt;
  }
}

/// How a table goes out; nothing: a JSON object a line.
using Table = std::optional<CsvTexts>;

/// With the newlines of a sender between members, which are white space, made blanks. Only a point
/// that is as it came may have some.
void write_line_of(std::string& text, const PointBatch& batch, const Point& point,
                   const Schema& schema) {
  text.clear();
  append_point_json(text, batch, point, schema);
  if (point.has_texts) std::ranges::replace(text, '\n', ' ');
}

struct Exported {
  std::uint64_t points = 0;
  std::uint64_t marks = 0;
};

Result<Exported> export_points(Session& session, PointFilter& filter, Table table,
                               OutputFile& output) {
  const bool as_csv = table.has_value();
  ExportBar bar(output, session.bytes() * (as_csv ? 2 : 1), ProgressBar::Unit::kBytes);
  PointCsv csv(session.schema(), table.value_or(CsvTexts::kGuarded));
  std::string text;
  Exported exported;
  if (as_csv) {
    const auto learnt = for_each_point(
        session, filter, bar, 0,
        [&](const PointBatch& batch, const Point& point) {
          csv.learn(batch, point);
          return Result<void>();
        },
        [](const Mark&, std::string_view) { return Result<void>(); });
    if (!learnt) return std::unexpected(learnt.error());
    csv.append_header(text);
    if (auto written = output.write(text); !written) return std::unexpected(written.error());
  }
  const auto write_point = [&](const PointBatch& batch, const Point& point) {
    if (as_csv) {
      text.clear();
      csv.append_row(text, batch, point);
    } else {
      write_line_of(text, batch, point, session.schema());
      text += '\n';
    }
    ++exported.points;
    return output.write(text);
  };
  const auto write_mark = [&](const Mark&, std::string_view json) {
    ++exported.marks;
    return as_csv ? Result<void>() : output.write(fmt::format("{}\n", json));
  };
  const auto done =
      for_each_point(session, filter, bar, as_csv ? session.bytes() : 0, write_point, write_mark);
  if (!done) return std::unexpected(done.error());
  return exported;
}

Result<Exported> export_mcap(Session& session, PointFilter& filter, OutputFile& output) {
  ExportBar bar(output, session.bytes(), ProgressBar::Unit::kBytes);
  McapWriter writer([&output](std::string_view bytes) { return output.write(bytes); });
  PointMcap mcap(writer);
  std::string text;
  Exported exported;
  if (auto begun = writer.begin(); !begun) return std::unexpected(begun.error());
  const auto done = for_each_point(
      session, filter, bar, 0,
      [&](const PointBatch& batch, const Point& point) {
        write_line_of(text, batch, point, session.schema());
        ++exported.points;
        return mcap.add_point(batch, point, text);
      },
      [&](const Mark& mark, std::string_view json) {
        ++exported.marks;
        return mcap.add_mark(mark, json);
      });
  if (!done) return std::unexpected(done.error());
  if (auto finished = writer.finish(); !finished) return std::unexpected(finished.error());
  return exported;
}

Result<std::uint64_t> export_rollups(RollupReader& reader, const RollupFilter& filter, Table table,
                                     OutputFile& output) {
  const bool as_csv = table.has_value();
  const auto count = reader.count(filter);
  if (!count) return count;
  ExportBar bar(output, *count, ProgressBar::Unit::kItems);
  RollupsCsv csv(table.value_or(CsvTexts::kGuarded));
  std::string text;
  std::uint64_t rollups = 0;
  if (as_csv) {
    const auto learnt = reader.for_each(filter, [&](const std::string& rollup) {
      csv.learn(rollup);
      return Result<void>();
    });
    if (!learnt) return std::unexpected(learnt.error());
    csv.append_header(text);
    if (auto written = output.write(text); !written) return std::unexpected(written.error());
  }
  const auto done = reader.for_each(filter, [&](const std::string& rollup) {
    bar.show(++rollups);
    if (!as_csv) return output.write(rollup + '\n');
    text.clear();
    csv.append_row(text, rollup);
    return output.write(text);
  });
  if (!done) return std::unexpected(done.error());
  return rollups;
}

Result<RollupFilter> filter_of(const ExportOptions& options) {
  RollupFilter filter{.window = options.window, .track = options.track, .chassis = options.chassis};
  for (const std::string_view tag : options.tags) {
    const auto sign = tag.find('=');
    if (sign == 0 || sign == std::string_view::npos || sign + 1 == tag.size()) {
      return fail(fmt::format("--tag: '{}' is not NAME=VALUE", tag));
    }
    filter.tags.add(tag.substr(0, sign), tag.substr(sign + 1));
  }
  for (const auto& [name, text, time] : {std::tuple("--from", &options.from, &filter.from),
                                         std::tuple("--to", &options.to, &filter.to)}) {
    if (text->empty()) continue;
    const auto asked = asked_time(*text);
    if (!asked) return fail(fmt::format("{}: {}", name, asked.error().message));
    *time = *asked;
  }
  if (filter.from && filter.to && filter.from->ns >= filter.to->ns) {
    return fail("--from must be before --to");
  }
  if (options.resume && (options.output.empty() || options.format == kMotec)) {
    return fail("--resume goes with --output FILE, of csv, ndjson and mcap");
  }
  if (options.raw && options.format != "csv") return fail("--raw goes with --format csv");
  if ((options.format == kMcap || options.format == kMotec) && options.what != "points") {
    return fail(
        fmt::format("--format {} is of points: --what rollups has csv and ndjson", options.format));
  }
  if (!filter.window.empty() && options.what != "rollups") {
    return fail("--window goes with --what rollups");
  }
  const bool has_scope = !options.lap.empty() || !options.session.empty();
  if (has_scope && options.what != "points") {
    return fail("--lap and --session go with --what points");
  }
  if (options.format == kMotec) {
    if (!has_scope) return fail("--format motec is of a lap or a session: --lap or --session");
    if (options.output.empty()) {
      return fail("--format motec: --output names FILE.ld for a lap, a folder for a session");
    }
    if (filter.from || filter.to || !filter.track.empty() || filter.tags.values() > 0) {
      return fail("--format motec is of whole laps: of the filters --chassis alone goes with it");
    }
    if (!options.lap.empty() && !options.output.ends_with(".ld")) {
      return fail(fmt::format("--output: '{}' does not end with .ld", options.output));
    }
  }
  return filter;
}

Result<OutputFile> open_output(const ExportOptions& options) {
  return options.resume ? OutputFile::resume(options.output) : OutputFile::open(options.output);
}

int finish(OutputFile& output, Result<std::uint64_t> outcome, std::string_view what) {
  if (auto finished = output.finish(); !finished && outcome) {
    outcome = std::unexpected(finished.error());
  }
  if (!outcome) return tell_failure(kExport, outcome.error());
  const std::uint64_t kept = output.kept_bytes();
  fmt::print(stderr, "{} {} exported{}\n", *outcome, what,
             kept > 0 ? fmt::format(", of which {} bytes were there", kept) : "");
  return kExitSuccess;
}

Table table_of(const ExportOptions& options, const Config& config) {
  if (options.format != "csv") return std::nullopt;
  return options.raw || config.server.csv_raw ? CsvTexts::kRaw : CsvTexts::kGuarded;
}

int run_export_points(const ExportOptions& options, PointFilter filter, const Config& config,
                      const std::filesystem::path& data_dir) {
  SchemaOptions schema = config.schema;
  // A log has sequence numbers but not what their member was called: the demo's name, where none is
  // configured.
  if (schema.sequence.empty()) schema.sequence = "seq";
  auto session = Session::open(data_dir, schema);
  if (!session) return tell_failure(kExport, session.error());
  if (filter.scope) {
    const auto learnt = learn_marks(**session, *filter.scope);
    if (!learnt) return tell_failure(kExport, learnt.error());
  }
  auto output = open_output(options);
  if (!output) return tell_failure(kExport, output.error());
  if (options.format == kMcap && output->is_terminal()) {
    return tell_usage_error(kExport, {"mcap is no text: --output names a file for it"});
  }
  const Table table = table_of(options, config);
  const auto outcome = options.format == kMcap ? export_mcap(**session, filter, *output)
                                               : export_points(**session, filter, table, *output);
  const std::uint64_t marks = outcome ? outcome->marks : 0;
  const bool has_marks = marks > 0 && !table;
  const Result<std::uint64_t> points =
      outcome ? Result<std::uint64_t>(outcome->points) : std::unexpected(outcome.error());
  const int code =
      finish(*output, points, has_marks ? fmt::format("points and {} marks", marks) : "points");
  if (marks > 0 && table) {
    fmt::print(stderr, "{} marks (flags, notes ...) fit no table: --format ndjson has them\n",
               marks);
  }
  const auto& members = filter.members;
  if (filter.scope && outcome && !members.from && !members.to && members.tags.values() == 0) {
    fmt::print(stderr, "{}", filter.scope->note_of(outcome->points));
  }
  const auto lost = (*session)->lost();
  print_lost(lost);
  return lost.empty() ? code : kExitFailure;
}

int run_export_rollups(const ExportOptions& options, const RollupFilter& filter,
                       const Config& config, const std::filesystem::path& data_dir) {
  auto reader = RollupReader::open(data_dir);
  if (!reader) return tell_failure(kExport, reader.error());
  auto output = open_output(options);
  if (!output) return tell_failure(kExport, output.error());
  const auto outcome = export_rollups(**reader, filter, table_of(options, config), *output);
  return finish(*output, outcome, "rollups");
}

}  // namespace

int run_export(const ExportOptions& options) {
  const auto filter = filter_of(options);
  if (!filter) return tell_usage_error(kExport, filter.error());
  const auto config = read_configuration(options.config_file);
  if (!config) {
    print_faults(config.error());
    return kExitConfig;
  }
  const std::filesystem::path data_dir =
      options.data_dir.empty() ? config->store.data_dir : std::filesystem::path(options.data_dir);
  if (options.what == "rollups") {
    return run_export_rollups(options, *filter, *config, data_dir);
  }
  PointFilter points{.members = *filter};
  if (!options.lap.empty() || !options.session.empty()) {
    auto scope = ExportScope::find(data_dir, options);
    if (!scope) {
      return tell_failure(kExport, {fmt::format("{}{}", scope.error().message,
                                                config->has_segment_log() ? "" : kNothingByRedis)});
    }
    points.scope = std::move(*scope);
  }
  if (options.format == kMotec) {
    return run_export_motec(options, *points.scope, data_dir);
  }
  return run_export_points(options, std::move(points), *config, data_dir);
}

}  // namespace slipstream
