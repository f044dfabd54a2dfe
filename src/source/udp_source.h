#pragma once
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/agent.h"
#include "base/clock.h"
#include "base/wake_event.h"
#include "codec/decoders.h"
#include "codec/draft_filler.h"
#include "model/sinks.h"
#include "net/address_list.h"
#include "source/peer_table.h"
#include "source/receive_pacing.h"
#include "source/udp_socket.h"

namespace slipstream {

struct UdpSourceOptions {
  std::string host = {};                            ///< that its socket listens on, as configured
  AddressList allow = {};                           ///< empty: everybody
  std::uint32_t points_per_second_per_address = 0;  ///< 0: no limit
  std::string decoder = "auto";                     ///< by its name: one that is known
};

/// What came to one socket; IngestStats has the sums of all. Any thread.
struct UdpSourceStats {
  Counter datagrams;
  Counter points;
  Counter kernel_drops;
};

/// Receives datagrams, decodes them and hands the points to the pipeline. It drains the socket
/// without blocking and then waits as ReceivePacing says. A full pipeline drops points and counts
/// them.
/// Threads: one, its agent thread; wake(), port(), host(), decoder() and stats() any.
class UdpSource final : public Agent, private RejectionSink {
 public:
  /// `viewers`: how many see points as they come. What is borrowed outlives it.
  UdpSource(UdpSocket socket, UdpSourceOptions options, Schema& schema, IngestStats& stats,
            const Clock& clock, PointSink& sink, BatchPool& pool, RejectionLog& rejection_log,
            const Gauge& viewers);
  ~UdpSource() override;

  std::size_t poll(std::size_t budget) override;
  void idle() override;
  void wake() override { wake_event_.set(); }

  std::uint16_t port() const { return socket_.port(); }
  const std::string& host() const { return options_.host; }
  const std::string& decoder() const { return options_.decoder; }
  const UdpSourceStats& stats() const { return own_stats_; }
  std::size_t receive_buffer_bytes() const { return socket_.receive_buffer_bytes(); }

 private:
  static constexpr std::size_t kMessages = 64;         ///< a recvmmsg call
  static constexpr std::size_t kBufferBytes = 65'536;  ///< a coalesced burst at most
  static constexpr std::size_t kControlBytes = 128;
  static constexpr std::size_t kPointsPerBatch = 512;
  static constexpr std::int64_t kBlockNs = kNsPerSecond;

  struct Control {
    std::size_t segment_bytes = 0;  ///< 0: one datagram
    ArrivalTime arrival;
  };

  void nap(std::int64_t ns);
  bool wait_for_datagram();
  Control read_control(msghdr& header, ArrivalTime now);
  void take_message(mmsghdr& message, const char* buffer, ArrivalTime now);
  std::string_view peer_name();
  void take_datagram(std::string_view text, const TextOrigin& origin);
  void count_received();
  void rejected(std::size_t index, const Rejection& rejection, std::string_view sample) override;
  void refuse_datagram(RejectReason reason, const char* message, std::string_view text);
  void hand_over(bool all);
  void count_drops(std::uint32_t dropped_in_all);

  UdpSocket socket_;
  const UdpSourceOptions options_;
  IngestStats& stats_;
  const Clock& clock_;
  PointSink& sink_;
  BatchWriter writer_;
  PointBuilder builder_;
  DraftFiller filler_;
  const std::unique_ptr<Decoder> decoder_;
  std::vector<PointBatchPtr> offered_;  ///< in hand_over()
  PeerTable peers_;
  UdpSourceStats own_stats_;
  const Gauge& viewers_;
  const ReceivePacing pacing_;
  WakeEvent wake_event_;

  std::unique_ptr<char[]> buffers_;
  std::vector<iovec> vectors_;
  std::vector<mmsghdr> messages_;
  std::vector<sockaddr_storage> names_;
  std::vector<char> controls_;

  Address address_;  ///< of the message in hand
  std::uint16_t peer_port_ = 0;
  std::uint64_t sender_ = 0;     ///< likewise: both, as one number
  SteadyTime now_;               ///< of the messages in hand
  std::string peer_;             ///< "udp:ADDRESS:PORT" of the message in hand; empty until needed
  std::uint64_t datagrams_ = 0;  ///< not yet counted
  std::uint64_t points_ = 0;     ///< likewise
  std::size_t datagrams_since_wait_ = 0;
  SteadyTime waited_at_ = kNever;
  std::uint32_t last_drops_ = 0;
};

}  // namespace slipstream
