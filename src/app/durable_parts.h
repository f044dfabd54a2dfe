#pragma once
#include <memory>
#include <vector>

#include "alert/alert_observer.h"
#include "app/basics.h"
#include "app/data_lock.h"
#include "app/lost_ranges.h"
#include "log/segment_log.h"
#include "model/ingest_stats.h"
#include "ops/config.h"
#include "pipeline/supervisor.h"
#include "racing/lap_counts.h"
#include "store/store_writer.h"

namespace slipstream {

/// The parts that a restart works with: what keeps things. A server's components for these share
/// them (StoreComponent, StoreWriterComponent, PipelineComponent), in which order they are opened
/// is theirs; so do commands that work on a stopped server's files. On files and a clock that are
/// passed in, so that a test can take the power away.
struct DurableParts {
  DurableParts(Config settings, FileSystem& file_system, const Clock& time)
      : config(std::move(settings)), files(file_system), clock(time), schema(config.schema) {}

  Basics basics() { return {config, clock, schema, pool, ingest, tracer.get()}; }

  const Config config;
  ReadAhead read_ahead = ReadAhead::kYes;  ///< how a start reads the log again
  FileSystem& files;                       ///< the log's
  const Clock& clock;

  IngestStats ingest;
  Schema schema;
  BatchPool pool;
  LapCounts lap_counts;
  AlertCounts alert_counts;
  std::unique_ptr<Tracer> tracer;      ///< nullptr: nothing is traced
  const SectorMap* sectors = nullptr;  ///< whoever opened it has it
  DataLock lock;                       ///< given up when the store is closed
  std::unique_ptr<RollupStore> store;
  std::unique_ptr<StoreWriter> store_writer;
  std::unique_ptr<SegmentLog> log;
  std::unique_ptr<Supervisor> supervisor;
  /// What stands before it in the log may go. A partition that is being rebuilt reads from a
  /// checkpoint that the store may have replaced meanwhile; one from behind a gap may go further
  /// back than the one before it.
  LogOffset log_needed_from() const {
    const bool earlier =
        supervisor->is_rebuilding() || store_writer->has_whole_checkpoint_waiting();
    return earlier ? 0 : store_writer->needed_from();
  }

  std::vector<AnsweredKey> recovered_keys;  ///< from a log of another layout
  LostRanges lost;                          ///< what the log cannot give back
};

}  // namespace slipstream
