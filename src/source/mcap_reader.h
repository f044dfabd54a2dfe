#pragma once
#include <cstdint>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "source/mcap_format.h"

namespace slipstream {

/// A message as the file has it. Views are good until the reader's next call.
struct McapMessage {
  std::string_view topic;
  std::string_view encoding;  ///< of the data: "json", "protobuf" ...
  std::uint64_t log_time_ns = 0;
  std::string_view data;  ///< with readable bytes behind it (Decoder::kPadding)
};

/// Reads the messages of an MCAP file (https://mcap.dev/spec, version 0) in the file's order, from
/// its beginning on: neither its summary nor its indexes are needed, and it may come by a pipe.
/// Chunks are unpacked one at a time, and give nothing where their checksum does not fit; so does
/// the checksum of the whole, where the file has one. Attachments, metadata and indexes are passed
/// over. Reads nothing outside of the file, whatever it holds. Memory: a chunk, packed and
/// unpacked, and the names of the channels. One thread.
class McapReader {
 public:
  /// Of a chunk, packed or not, and of a message outside of one. A larger one is passed over, as a
  /// fault.
  static constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{256} << 20;
  /// Of a channel's record, and of all together.
  static constexpr std::uint64_t kMaxChannelBytes = std::uint64_t{1} << 20;
  static constexpr std::size_t kMaxChannelsBytes = std::size_t{64} << 20;

  explicit McapReader(std::unique_ptr<std::istream> in) : in_(std::move(in)) {}

  /// Nothing: the file has no more that can be read.
  std::optional<McapMessage> next();

  /// So many bytes of the file are behind us.
  std::uint64_t position() const { return position_; }
  /// What could not be read: "byte 812: why". The first ten; none where the file is whole.
  const std::vector<std::string>& faults() const { return faults_; }
  std::uint64_t fault_count() const { return fault_count_; }

 private:
  struct Channel {
    std::string topic;
    std::string encoding;
  };
  struct Head {
    std::uint64_t at = 0;  ///< where the record begins
    mcap::Op op{};
    std::uint64_t length = 0;
  };

  bool read(char* into, std::size_t size);
  bool read_content(const Head& head, std::string& into);
  bool skip(std::uint64_t size);
  std::optional<Head> next_head();
  /// Whether there may be more.
  bool take_record(const Head& head, std::optional<McapMessage>& message);
  void open_chunk(const Head& head);
  std::optional<McapMessage> next_of_chunk();
  void take_channel(std::uint64_t at, std::string_view content);
  std::optional<McapMessage> message_of(std::uint64_t at, std::string_view content);
  void take_data_end(const Head& head, std::uint32_t crc);
  void fault(std::uint64_t at, std::string_view why);
  /// And the file cannot be read further.
  void stop(std::uint64_t at, std::string_view why);

  const std::unique_ptr<std::istream> in_;
  bool has_begun_ = false;
  bool has_ended_ = false;
  std::uint64_t position_ = 0;
  std::uint32_t crc_ = 0;  ///< of all before
  std::string content_;    ///< of the record at hand
  std::string chunk_;      ///< unpacked; empty: none is open
  std::size_t chunk_next_ = 0;
  std::uint64_t chunk_at_ = 0;  ///< in the file
  std::unordered_map<std::uint16_t, Channel> channels_;
  std::size_t channels_bytes_ = 0;
  std::vector<std::string> faults_;
  std::uint64_t fault_count_ = 0;
};

}  // namespace slipstream
