#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/agent.h"
#include "source/datagram_decoder.h"
#include "source/peer_table.h"
#include "source/udp_receiver.h"
#include "source/udp_socket.h"

namespace slipstream {

/// One port at which points come by UDP: its receivers, with what they share, which is the limits
/// of each sender and the figures. All that comes from one address and port is received, decoded
/// and handed over by one receiver, in the order in which the kernel took it.
/// Threads: each receiver has its own; the getters any; the rest one.
class UdpSource {
 public:
  static constexpr std::uint32_t kMaxReceivers = 8;

  /// What is borrowed outlives it. `viewers`: how many see points as they come.
  struct Borrowed {
    Schema& schema;
    IngestStats& ingest;
    const Clock& clock;
    PointSink& sink;
    BatchPool& pool;
    RejectionLog& rejection_log;
    const Gauge& viewers;
  };

  /// How many receivers a source has unless it is told: a quarter of the cores, and from 1 to
  /// kMaxReceivers.
  static std::uint32_t usual_receivers(std::uint32_t cores);

  /// `sockets`: of one port, at least one; each gets a receiver.
  UdpSource(std::vector<UdpSocket> sockets, UdpSourceOptions options, const Borrowed& borrowed);

  /// Starts the receivers' threads, numbered from `number` on: "udp", "udp-2" ... Returns the
  /// number that is next. A test may poll receivers() itself instead.
  std::size_t start(std::size_t number);
  /// Ends the threads, if there are any, and takes what the kernel still holds.
  void stop();

  std::uint16_t port() const { return port_; }
  const std::string& host() const { return options_.host; }
  const std::string& decoder() const { return options_.decoder; }
  const UdpSourceStats& stats() const { return stats_; }
  /// Of each receiver's socket.
  std::size_t receive_buffer_bytes() const { return receivers_.front()->receive_buffer_bytes(); }
  const std::vector<std::unique_ptr<UdpReceiver>>& receivers() const { return receivers_; }

 private:
  const UdpSourceOptions options_;
  const std::uint16_t port_;
  UdpSourceStats stats_;
  PeerTable peers_;
  const UdpParts parts_;
  std::vector<std::unique_ptr<UdpReceiver>> receivers_;
  std::vector<std::unique_ptr<AgentThread>> threads_;
};

}  // namespace slipstream
