#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/counters.h"
#include "codec/decoders.h"
#include "codec/draft_filler.h"
#include "model/sinks.h"
#include "net/address_list.h"
#include "source/datagram_buffers.h"
#include "source/peer_table.h"
#include "source/relay_target.h"
#include "tracing/tracer.h"

namespace slipstream {

class GameLink;

struct UdpSourceOptions {
  std::string host = {};                            ///< that its sockets listen on, as configured
  AddressList allow = {};                           ///< empty: everybody
  std::uint32_t points_per_second_per_address = 0;  ///< 0: no limit
  std::string decoder = "auto";                     ///< by its name: one that is known
  /// Of that name, where it is none of the usual ones'; outlives the source.
  const DecoderKind* format = nullptr;
  /// How long a receiver may go on without having found its socket empty before helpers come in.
  std::int64_t behind_after_ns = 10 * kNsPerMs;
  std::string thread_name = "udp";  ///< further receivers have a number behind it
};

/// What came to one port; IngestStats has the sums of all. Any thread.
struct UdpSourceStats {
  Counter datagrams;
  Counter points;
  Counter kernel_drops;
  Counter helped_datagrams;  ///< that helpers decoded
};

/// What all threads of a UDP source work with; it outlives them.
struct UdpParts {
  const UdpSourceOptions& options;
  const DecoderKind& decoder;
  Schema& schema;
  IngestStats& ingest;
  UdpSourceStats& stats;
  const Clock& clock;
  PointSink& sink;
  BatchPool& pool;
  PeerTable& peers;
  const Gauge& viewers;  ///< how many see points as they come
  const RelayTargets& relay;
  GameLink* link = nullptr;  ///< hears what comes, where there is one
  Tracer* tracer = nullptr;  ///< nullptr: nothing is traced
};

/// What some datagrams have given, to be handed over together: batches, and the marks among them,
/// in order.
struct DecodedBatches {
  std::vector<PointBatchPtr> batches;
  std::vector<MarkAmong> marks;
  Address last_sender;
  SteadyTime received_at;
};

/// To the pipeline; what that has no room for is dropped and counted. None is left. Any thread.
void hand_over(const UdpParts& parts, DecodedBatches& decoded);

/// Datagrams to batches of points, with what is refused counted and told. It has a decoder of its
/// own, with what that keeps of senders. What waits to be handed over is bounded by what one call
/// to the kernel received. One thread.
class DatagramDecoder final : private RejectionSink, private MarkSink {
 public:
  explicit DatagramDecoder(const UdpParts& parts);
  ~DatagramDecoder() override;

  /// Decodes all of them; returns how many datagrams they were.
  std::size_t decode(const DatagramBuffers& received);
  /// When points that wait for more datagrams go out without them: see Decoder::deadline.
  std::optional<ArrivalTime> deadline() const { return decoder_->deadline(); }
  /// Lets out those that are due by `now`; all that came before is decoded.
  void flush(ArrivalTime now);
  /// Lets out all that wait: nothing more will come.
  void flush_all();
  /// Hands batches over that are worth it by themselves, or `all`.
  void hand_over(bool all);
  /// Instead of hand_over(): what was decoded since, for somebody else to hand over.
  DecodedBatches take_decoded();
  /// Whether some of it has to be decoded here: see Decoder::needs_order.
  bool needs_order(const DatagramBuffers& received);

 private:
  static constexpr std::size_t kPointsPerBatch = 512;

  TextOrigin origin_of(const DatagramBuffers::Message& message);
  std::string_view peer_name();
  void take_datagram(std::string_view text, const TextOrigin& origin);
  std::size_t count_received();
  /// What came before it stands before it: the open batches end.
  void accept(const Mark& mark) override;
  void rejected(std::size_t index, const Rejection& rejection, std::string_view sample) override;
  void refuse_datagram(RejectReason reason, const char* message, std::string_view text);

  const UdpParts& parts_;
  BatchWriter writer_;
  PointBuilder builder_;
  DraftFiller filler_;
  const std::unique_ptr<Decoder> decoder_;
  DecodedBatches closed_;  ///< up to the last mark; else empty but in hand_over()

  Address address_;  ///< of the message in hand
  std::uint16_t peer_port_ = 0;
  std::uint64_t sender_ = 0;     ///< likewise: both, as one number
  SteadyTime now_;               ///< of the messages in hand
  std::string peer_;             ///< "udp:ADDRESS:PORT" of the message in hand; empty until needed
  std::uint64_t datagrams_ = 0;  ///< not yet counted
  std::uint64_t points_ = 0;     ///< likewise
  std::size_t marks_ = 0;        ///< of the datagram in hand
};

}  // namespace slipstream
