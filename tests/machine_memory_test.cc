// What a machine costs for as long as it is known, counted at the allocator.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "broadcast/live_series.h"
#include "pipeline/partition.h"

namespace {

std::atomic<std::int64_t> bytes_in_use{0};

void* counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  bytes_in_use += static_cast<std::int64_t>(malloc_usable_size(memory));
  return memory;
}

void give_back(void* memory) {
  bytes_in_use -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
  return counted(std::malloc(size));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto step = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(step, (size + step - 1) / step * step));
}
void operator delete(void* memory) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  give_back(memory);
}

namespace slipstream {
namespace {

// Just over a power of two, where arrays that double have the most to spare.
constexpr int kMachines = 17'000;
constexpr int kPoints = 4;
constexpr std::int64_t kBegin = 1'600'000'000 * kNsPerSecond;
constexpr std::size_t kFields = 10;

struct Nothing final : AcceptedSink, OutputSink {
  void accept(PointBatchPtr) override {}
  bool has_room() const override { return true; }
  void accept(Output output) override { rollups += output.rollups.size(); }
  std::size_t rollups = 0;
};

/// One point of each machine, a few hundred a batch as they come.
template <typename Take>
void send_all(std::int64_t at_ns, Take take) {
  for (int first = 0; first < kMachines; first += 500) {
    auto batch = std::make_unique<PointBatch>();
    for (int machine = first; machine < std::min(first + 500, kMachines); ++machine) {
      const std::string chassis = fmt::format("GR86-{:06}", machine);
      const auto append = [&](std::string_view text) {
        const TextRef ref{static_cast<std::uint32_t>(batch->text.size()),
                          static_cast<std::uint32_t>(text.size())};
        batch->text += text;
        return ref;
      };
      Point point{};
      point.track = append("barber");
      point.chassis = append(chassis);
      point.series_hash = series_hash("barber", chassis);
      point.lap = 1;
      point.sector = 0;
      point.event_time = {at_ns};
      point.arrival_time = {at_ns};
      point.first_value = static_cast<std::uint32_t>(batch->values.size());
      point.value_count = kFields;
      for (std::size_t f = 0; f < kFields; ++f) {
        batch->values.push_back({static_cast<double>(machine), static_cast<FieldId>(f)});
      }
      batch->points.push_back(point);
    }
    take(std::move(batch));
  }
}

TEST(MachineMemory, OfAPartitionAtRest) {
  ManualClock clock(kBegin);
  IngestStats ingest;
  Schema schema;
  Nothing nothing;
  const auto definitions = default_windows();
  PipelineStats stats(definitions.size());
  Partition partition({},
                      {.clock = clock,
                       .ingest = ingest,
                       .stats = stats,
                       .schema = schema,
                       .accepted = nothing,
                       .outputs = nothing,
                       .definitions = definitions,
                       .queue = {}},
                      {});
  const std::int64_t before = bytes_in_use;
  LogOffset offset = 0;
  const auto process = [&](Work work) {
    work.offset = offset;
    if (work.batch) work.count = work.batch->points.size();
    offset += work.count;
    partition.process(work);
  };
  for (int i = 0; i < kPoints; ++i) {
    send_all(kBegin + i * 40 * kNsPerMs,
             [&](PointBatchPtr batch) { process({.batch = std::move(batch)}); });
  }
  const std::int64_t at_work = bytes_in_use - before;
  process({.kind = Work::Kind::kTick, .time = {kBegin + 120 * kNsPerSecond}});
  partition.checkpoint();
  ASSERT_EQ(nothing.rollups, kMachines * definitions.size());
  const std::int64_t at_rest = bytes_in_use - before;
  fmt::print("bytes a machine: {} with its windows open, {} at rest\n", at_work / kMachines,
             at_rest / kMachines);
  EXPECT_LE(at_rest / kMachines, 1'200);
  EXPECT_LE(at_rest, at_work / 3) << "closed windows keep no memory";
}

TEST(MachineMemory, OfWhatIsLive) {
  const std::int64_t before = bytes_in_use;
  LiveSeries live;
  for (int i = 0; i < kPoints; ++i) {
    send_all(kBegin + i * 40 * kNsPerMs, [&](PointBatchPtr batch) {
      for (const Point& point : batch->points) live.push(*batch, point, {i * 40 * kNsPerMs});
    });
  }
  ASSERT_EQ(live.size(), static_cast<std::size_t>(kMachines));
  const std::int64_t each = (bytes_in_use - before) / kMachines;
  fmt::print("bytes a machine: {}\n", each);
  EXPECT_LE(each, 400);
}

}  // namespace
}  // namespace slipstream
