#pragma once
#include <cstddef>
#include <cstdint>

#include "base/agent.h"
#include "base/clock.h"
#include "base/wake_event.h"
#include "source/datagram_buffers.h"
#include "source/datagram_decoder.h"
#include "source/receive_pacing.h"
#include "source/udp_socket.h"

namespace slipstream {

/// Receives what comes to one socket, decodes it and hands the points to the pipeline. It drains
/// the socket without blocking and then waits as ReceivePacing says. A full pipeline drops points
/// and counts them.
/// Threads: one, its agent thread; wake() and receive_buffer_bytes() any.
class UdpReceiver final : public Agent {
 public:
  UdpReceiver(UdpSocket socket, const UdpParts& parts);

  std::size_t poll(std::size_t budget) override;
  void idle() override;
  void wake() override { wake_event_.set(); }

  std::size_t receive_buffer_bytes() const { return socket_.receive_buffer_bytes(); }

 private:
  static constexpr std::int64_t kBlockNs = kNsPerSecond;

  void nap(std::int64_t ns);
  bool wait_for_datagram();
  void count_drops(std::uint32_t dropped_in_all);

  UdpSocket socket_;
  const UdpParts& parts_;
  const ReceivePacing pacing_;
  DatagramBuffers buffers_;
  DatagramDecoder decoder_;
  WakeEvent wake_event_;

  std::size_t datagrams_since_wait_ = 0;
  SteadyTime waited_at_ = kNever;
  std::uint32_t last_drops_;
};

}  // namespace slipstream
