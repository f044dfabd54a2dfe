#pragma once
#include <cstdint>
#include <string>

#include "codec/chain_encoder.h"
#include "codec/point_log_decoder.h"
#include "codec/point_log_encoder.h"
#include "log/segment_rewriter.h"

namespace slipstream {

/// Puts what is in small blocks of the log into large ones, entry by entry, as chains of one
/// payload. What is read back is compared by a digest of all that the log keeps of an entry, and of
/// its place. One rewriting; threads: one.
class LogRepacker final : public Repacker {
 public:
  LogRepacker();

  Result<void> add(const LogBlock& block, bool stays, const Out& out) override;
  Result<void> flush(const Out& out) override;
  Result<void> check(const LogBlock& block) override;
  Result<void> checked() override;

  /// A block has about so many points: damage of one costs those.
  static constexpr std::size_t kPoints = 8'192;
  static constexpr std::size_t kRowBytes = std::size_t{4} << 20;  ///< in memory, or so much
  /// A block with so many entries goes on as it is, and so does a large body.
  static constexpr std::uint32_t kLargeBlock = 4'096;

 private:
  Result<void> take(const LogBlock& block, PointLogDecoder& decoder, std::uint64_t& digest,
                    LogRows* rows);
  void add_to(LogRows& rows, const LogEntry& entry);
  void digest(const LogEntry& entry, std::uint64_t base, std::uint64_t& sum);

  Schema schema_;
  BatchPool pool_;
  PointLogDecoder decoder_;
  PointLogDecoder check_decoder_;
  ChainEncoder encoder_;
  PointLogEncoder columns_;
  LogRows rows_;
  std::uint64_t base_ = 0;  ///< of rows_
  bool is_in_body_ = false;
  std::int64_t last_time_ns_ = 0;  ///< of a control entry
  std::uint64_t given_ = 0;        ///< digests
  std::uint64_t found_ = 0;
  std::string payload_;
  std::string bytes_;
};

}  // namespace slipstream
