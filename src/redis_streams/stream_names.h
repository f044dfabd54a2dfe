#pragma once
#include <cstdint>
#include <string>

namespace slipstream {

/// What a consumer group and its streams are called.
struct StreamNames {
  std::string telemetry = "telemetry.stream";
  std::string aggregates = "aggregates.stream";
  std::string group = "ingestors";
  std::uint32_t partitions = 1;
};

/// The keys of one partition. With several partitions they are all in the hash slot of its number;
/// a single partition has the plain names, which a cluster takes only where they share a hash tag.
struct StreamKeys {
  std::string telemetry;   ///< stream: points come in
  std::string dead;        ///< stream: entries that are no points
  std::string aggregates;  ///< stream: rollups for others to read
  std::string rollups;     ///< stream: stored rollups, for every instance; ids are sequence numbers
  std::string checkpoint;  ///< hash: what docs/durability.md calls a checkpoint
  std::string fence;       ///< string: the owner's token; it changes with each owner
  std::string lease;       ///< string that expires: the instance that owns the partition
  std::string owners;      ///< set: the consumer names of all owners that may still have entries
};

StreamKeys stream_keys(const StreamNames& names, std::uint32_t partition);
/// Sorted set of the group's instances, scored by when they were last heard of.
std::string instances_key(const StreamNames& names);

}  // namespace slipstream
