#pragma once
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

struct ZSTD_CCtx_s;

namespace slipstream {

/// Writes an MCAP file (https://mcap.dev/spec, version 0): messages of channels in zstd chunks,
/// each with its indexes, and behind them a summary by which readers find what they want: schemas,
/// channels, chunk indexes, statistics. It only appends, so that a pipe is as good as a file.
/// A chunk is packed on a thread of its own while the next one is filled, and written behind that:
/// an error of writing one comes with the next. Memory: two chunks, and 100 bytes a chunk. One
/// thread calls.
class McapWriter {
 public:
  using Write = std::function<Result<void>(std::string_view bytes)>;
  using SchemaId = std::uint16_t;
  using ChannelId = std::uint16_t;
  /// Of schemas, and of channels: their numbers have 16 bits, and 0 is none.
  static constexpr std::size_t kMost = 65'535;

  explicit McapWriter(Write write);
  ~McapWriter();
  McapWriter(const McapWriter&) = delete;
  McapWriter& operator=(const McapWriter&) = delete;

  Result<void> begin();
  /// A JSON schema of messages. No more than kMost.
  SchemaId add_schema(std::string name, std::string json_schema);
  /// Messages under that name. No more than kMost.
  ChannelId add_channel(SchemaId schema, std::string topic);
  /// `json` of a channel, at a time in ns since 1970: one before is written as 1970.
  Result<void> message(ChannelId channel, std::int64_t time_ns, std::string_view json);
  /// The summary. Without it readers have to search the file, and many refuse it.
  Result<void> finish();

  std::uint64_t messages() const { return messages_; }

 private:
  static constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

  struct Definition {
    std::string record;
    bool is_written = false;  ///< in a chunk; the summary has all
  };
  /// Of a channel in the chunk at hand: when, and where in it.
  using Entries = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  struct Span {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    bool is_empty = true;
    void add(std::uint64_t time);
  };

  struct Chunk {
    std::string records;
    Span span;
    std::map<ChannelId, Entries> entries;
    std::string packed;
    std::uint32_t crc = 0;
  };

  Result<void> put(std::string_view bytes);
  Result<void> end_chunk();
  void pack(Chunk& chunk) const;
  Result<void> write_packed();
  std::string summary();
  void define(Definition& definition);

  const Write write_;
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> packer_;
  std::uint64_t position_ = 0;
  std::vector<Definition> schemas_;
  std::vector<Definition> channels_;
  std::vector<std::uint16_t> schema_of_;  ///< by channel
  std::vector<std::uint64_t> counts_;     ///< messages, by channel
  Chunk chunk_;                           ///< at hand
  std::future<Chunk> packing_;            ///< the one before; it uses the packer
  std::string chunk_indexes_;             ///< records, for the summary
  std::uint32_t chunks_ = 0;
  std::uint64_t messages_ = 0;
  Span span_;
};

}  // namespace slipstream
