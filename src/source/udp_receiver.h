#pragma once
#include <cstddef>
#include <cstdint>

#include "base/agent.h"
#include "base/clock.h"
#include "base/wake_event.h"
#include "source/datagram_buffers.h"
#include "source/datagram_decoder.h"
#include "source/datagram_relay.h"
#include "source/decode_helpers.h"
#include "source/decode_line.h"
#include "source/receive_pacing.h"
#include "source/udp_socket.h"

namespace slipstream {

/// Receives what comes to one socket, sends it on to whom it is told to (DatagramRelay), decodes it
/// and hands the points to the pipeline. It drains
/// the socket without blocking and then waits as ReceivePacing says. Where it has not found its
/// socket empty for a while and there are helpers, it leaves decoding to them and only receives;
/// if all of its line is on its way, it decodes too, and the kernel drops and counts what its
/// buffer does not hold. After poll() nothing is on its way but what waits in the decoder for more
/// datagrams, for as long as that says. A full pipeline drops points and counts them.
/// Threads: one, its agent thread; wake() and receive_buffer_bytes() any.
class UdpReceiver final : public Agent {
 public:
  /// `helpers`: nullptr: it has none.
  UdpReceiver(UdpSocket socket, const UdpParts& parts, DecodeHelpers* helpers = nullptr);

  std::size_t poll(std::size_t budget) override;
  void idle() override;
  /// The last poll(): nothing more will come, so that nothing waits for it.
  void finish(std::size_t budget);
  void wake() override { wake_event_.set(); }

  std::size_t receive_buffer_bytes() const { return socket_.receive_buffer_bytes(); }

 private:
  static constexpr std::int64_t kBlockNs = kNsPerSecond;

  bool is_behind() const;
  std::size_t receive(DatagramBuffers& buffers);
  std::size_t receive_and_decode();
  std::size_t receive_for_helpers();
  void help_or_wait();
  void nap(std::int64_t ns);
  std::int64_t longest_wait() const;
  bool wait_for_datagram();
  void count_drops(std::uint32_t dropped_in_all);

  UdpSocket socket_;
  const UdpParts& parts_;
  const ReceivePacing pacing_;
  DatagramRelay relay_;
  DatagramBuffers buffers_;
  DatagramDecoder decoder_;
  DecodeHelpers* const helpers_;
  DecodeLine line_;
  WakeEvent wake_event_;

  std::size_t datagrams_since_wait_ = 0;
  SteadyTime waited_at_ = kNever;
  SteadyTime empty_at_;  ///< the socket, when it was last known to be
  std::uint32_t last_drops_;
};

}  // namespace slipstream
