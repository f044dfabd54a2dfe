#include "cli/mcap_writer.h"

#include <zstd.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "source/mcap_format.h"

namespace slipstream {
namespace {

constexpr std::string_view kCompression = "zstd";
constexpr int kLevel = 1;

using mcap::crc_of;
using mcap::Op;

void put_text(std::string& out, std::string_view text) {
  ByteWriter(out).fixed(static_cast<std::uint32_t>(text.size()));
  out += text;
}

/// A record whose content `fill` appends; its length is put in behind.
template <typename Fill>
void append_record(std::string& out, Op op, Fill fill) {
  out += static_cast<char>(op);
  const std::size_t length_at = out.size();
  ByteWriter(out).fixed(std::uint64_t{0});
  fill(out);
  const std::uint64_t length = out.size() - length_at - sizeof length;
  std::string bytes;
  ByteWriter(bytes).fixed(length);
  out.replace(length_at, bytes.size(), bytes);
}

template <typename Fill>
std::string record(Op op, Fill fill) {
  std::string out;
  append_record(out, op, fill);
  return out;
}

}  // namespace

void McapWriter::Free::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}

void McapWriter::Span::add(std::uint64_t time) {
  from = is_empty ? time : std::min(from, time);
  to = is_empty ? time : std::max(to, time);
  is_empty = false;
}

McapWriter::McapWriter(Write write) : write_(std::move(write)), packer_(ZSTD_createCCtx()) {
  chunk_.records.reserve(kChunkBytes + kChunkBytes / 4);
}

McapWriter::~McapWriter() = default;

Result<void> McapWriter::put(std::string_view bytes) {
  position_ += bytes.size();
  return write_(bytes);
}

Result<void> McapWriter::begin() {
  return put(std::string(mcap::kMagic) + record(Op::kHeader, [](std::string& out) {
               put_text(out, "");
               put_text(out, "slipstream");
             }));
}

McapWriter::SchemaId McapWriter::add_schema(std::string name, std::string json_schema) {
  CHECK(schemas_.size() < kMost, "schemas have numbers of 16 bits");
  const auto id = static_cast<SchemaId>(schemas_.size() + 1);
  schemas_.push_back({record(Op::kSchema, [&](std::string& out) {
    ByteWriter(out).fixed(id);
    put_text(out, name);
    put_text(out, "jsonschema");
    put_text(out, json_schema);
  })});
  return id;
}

McapWriter::ChannelId McapWriter::add_channel(SchemaId schema, std::string topic) {
  CHECK(channels_.size() < kMost, "channels have numbers of 16 bits");
  const auto id = static_cast<ChannelId>(channels_.size() + 1);
  channels_.push_back({record(Op::kChannel, [&](std::string& out) {
    ByteWriter(out).fixed(id);
    ByteWriter(out).fixed(schema);
    put_text(out, topic);
    put_text(out, "json");
    put_text(out, "");  // metadata: none
  })});
  schema_of_.push_back(schema);
  counts_.push_back(0);
  return id;
}

/// In the chunk at hand, before the first message that needs it.
void McapWriter::define(Definition& definition) {
  if (std::exchange(definition.is_written, true)) return;
  chunk_.records += definition.record;
}

Result<void> McapWriter::message(ChannelId channel, std::int64_t time_ns, std::string_view json) {
  CHECK(channel > 0 && channel <= channels_.size(), "a message is of a channel that was added");
  const std::size_t index = channel - 1u;
  define(schemas_[schema_of_[index] - 1u]);
  define(channels_[index]);
  const auto time = static_cast<std::uint64_t>(std::max<std::int64_t>(time_ns, 0));
  chunk_.entries[channel].emplace_back(time, chunk_.records.size());
  ByteWriter out(chunk_.records);
  constexpr std::size_t kFixedBytes = sizeof(ChannelId) + sizeof(std::uint32_t) + 2 * sizeof time;
  out.fixed(static_cast<std::uint8_t>(Op::kMessage));
  out.fixed(std::uint64_t{kFixedBytes + json.size()});
  out.fixed(channel);
  out.fixed(static_cast<std::uint32_t>(++counts_[index]));
  out.fixed(time);
  out.fixed(time);
  chunk_.records += json;
  chunk_.span.add(time);
  span_.add(time);
  ++messages_;
  return chunk_.records.size() >= kChunkBytes ? end_chunk() : Result<void>();
}

Result<void> McapWriter::end_chunk() {
  if (chunk_.span.is_empty) return {};
  Chunk full = std::exchange(chunk_, {});
  chunk_.records.reserve(kChunkBytes + kChunkBytes / 4);
  if (auto written = write_packed(); !written) return written;
  // Where no thread is to be had it is packed when it is written.
  packing_ = std::async(std::launch::async | std::launch::deferred,
                        [this, packed = std::move(full)]() mutable {
                          pack(packed);
                          return std::move(packed);
                        });
  return {};
}

void McapWriter::pack(Chunk& chunk) const {
  chunk.crc = crc_of(chunk.records);
  chunk.packed.resize(ZSTD_compressBound(chunk.records.size()));
  const std::size_t packed =
      ZSTD_compressCCtx(packer_.get(), chunk.packed.data(), chunk.packed.size(),
                        chunk.records.data(), chunk.records.size(), kLevel);
  CHECK(ZSTD_isError(packed) == 0, "there is room for whatever a chunk packs to");
  chunk.packed.resize(packed);
}

/// The chunk before the one at hand, with its indexes.
Result<void> McapWriter::write_packed() {
  if (!packing_.valid()) return {};
  Chunk chunk = packing_.get();
  const std::uint64_t begin = position_;
  const std::string head = record(Op::kChunk, [&](std::string& out) {
    ByteWriter bytes(out);
    bytes.fixed(chunk.span.from);
    bytes.fixed(chunk.span.to);
    bytes.fixed(std::uint64_t{chunk.records.size()});
    bytes.fixed(chunk.crc);
    put_text(out, kCompression);
    bytes.fixed(std::uint64_t{chunk.packed.size()});
    out += chunk.packed;
  });
  if (auto written = put(head); !written) return written;
  const std::uint64_t length = position_ - begin;

  std::string indexes;
  std::string offsets;
  for (auto& [channel, entries] : chunk.entries) {
    ByteWriter(offsets).fixed(channel);
    ByteWriter(offsets).fixed(position_ + indexes.size());
    std::ranges::sort(entries);
    append_record(indexes, Op::kMessageIndex, [&](std::string& out) {
      ByteWriter bytes(out);
      bytes.fixed(channel);
      bytes.fixed(static_cast<std::uint32_t>(entries.size() * 2 * sizeof(std::uint64_t)));
      for (const auto& [time, offset] : entries) {
        bytes.fixed(time);
        bytes.fixed(offset);
      }
    });
  }
  append_record(chunk_indexes_, Op::kChunkIndex, [&](std::string& out) {
    ByteWriter bytes(out);
    bytes.fixed(chunk.span.from);
    bytes.fixed(chunk.span.to);
    bytes.fixed(begin);
    bytes.fixed(length);
    put_text(out, offsets);
    bytes.fixed(std::uint64_t{indexes.size()});
    put_text(out, kCompression);
    bytes.fixed(std::uint64_t{chunk.packed.size()});
    bytes.fixed(std::uint64_t{chunk.records.size()});
  });
  ++chunks_;
  return put(indexes);
}

/// Its groups of records, and behind them where each group is.
std::string McapWriter::summary() {
  std::string out;
  std::string offsets;
  std::size_t group = 0;
  const auto end_group = [&](Op op) {
    if (out.size() == group) return;
    append_record(offsets, Op::kSummaryOffset, [&](std::string& record) {
      ByteWriter bytes(record);
      bytes.fixed(static_cast<std::uint8_t>(op));
      bytes.fixed(position_ + group);
      bytes.fixed(std::uint64_t{out.size() - group});
    });
    group = out.size();
  };
  for (const auto& schema : schemas_) out += schema.record;
  end_group(Op::kSchema);
  for (const auto& channel : channels_) out += channel.record;
  end_group(Op::kChannel);
  append_record(out, Op::kStatistics, [&](std::string& record) {
    ByteWriter bytes(record);
    bytes.fixed(messages_);
    bytes.fixed(static_cast<std::uint16_t>(schemas_.size()));
    bytes.fixed(static_cast<std::uint32_t>(channels_.size()));
    bytes.fixed(std::uint32_t{0});  // attachments
    bytes.fixed(std::uint32_t{0});  // metadata
    bytes.fixed(chunks_);
    bytes.fixed(span_.from);
    bytes.fixed(span_.to);
    std::string counts;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      ByteWriter(counts).fixed(static_cast<ChannelId>(i + 1));
      ByteWriter(counts).fixed(counts_[i]);
    }
    put_text(record, counts);
  });
  end_group(Op::kStatistics);
  out += chunk_indexes_;
  end_group(Op::kChunkIndex);
  const std::uint64_t begin = position_;
  const std::uint64_t offsets_begin = position_ + out.size();
  out += offsets;
  // The checksum covers the footer, too, up to itself.
  out += static_cast<char>(Op::kFooter);
  ByteWriter bytes(out);
  bytes.fixed(std::uint64_t{2 * sizeof begin + sizeof(std::uint32_t)});
  bytes.fixed(begin);
  bytes.fixed(offsets_begin);
  bytes.fixed(crc_of(out));
  return out;
}

Result<void> McapWriter::finish() {
  if (auto written = end_chunk(); !written) return written;
  if (auto written = write_packed(); !written) return written;
  // 0: no checksum of the data section, whose chunks have theirs.
  const std::string end =
      record(Op::kDataEnd, [](std::string& out) { ByteWriter(out).fixed(std::uint32_t{0}); });
  if (auto written = put(end); !written) return written;
  return put(summary() + std::string(mcap::kMagic));
}

}  // namespace slipstream
