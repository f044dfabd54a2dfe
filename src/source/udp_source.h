#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/agent.h"
#include "source/datagram_decoder.h"
#include "source/decode_helpers.h"
#include "source/peer_table.h"
#include "source/udp_receiver.h"
#include "source/udp_socket.h"

namespace slipstream {

/// One port at which points come by UDP: its receivers, with what they share, which is the limits
/// of each sender and the figures. All that comes from one address and port is received, decoded
/// and handed over by one receiver, in the order in which the kernel took it; helpers, which all of
/// its receivers share, decode for those that are behind. What comes is sent on to the targets of
/// its relay first (DatagramRelay).
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
    Tracer* tracer = nullptr;  ///< nullptr: nothing is traced
  };

  /// How many receivers a source has unless it is told: a quarter of the cores, and from 1 to
  /// kMaxReceivers.
  static std::uint32_t usual_receivers(std::uint32_t cores);
  /// Likewise how many helpers: of half of the cores those that are not receivers, and at most
  /// DecodeHelpers::kMax.
  static std::uint32_t usual_helpers(std::uint32_t cores, std::uint32_t receivers);

  /// `sockets`: of one port, at least one; each gets a receiver. `relay`: whom all that comes is
  /// sent on to. `link`: borrowed; hears it all, where there is one.
  UdpSource(std::vector<UdpSocket> sockets, UdpSourceOptions options, const Borrowed& borrowed,
            std::uint32_t helpers = 0, RelayTargets relay = {}, GameLink* link = nullptr);

  /// Numbers of threads, through all sources.
  struct ThreadNumbers {
    std::size_t receiver = 1;
    std::size_t helper = 1;
  };
  /// Starts the threads, numbered on from `numbers`: "udp", "udp-2" ..., "udp-decode" ... A test
  /// may poll receivers() itself instead.
  void start(ThreadNumbers& numbers);
  /// Ends the threads, if there are any, and takes what the kernel still holds.
  void stop();

  std::uint16_t port() const { return port_; }
  const std::string& host() const { return options_.host; }
  const std::string& decoder() const { return options_.decoder; }
  const UdpSourceStats& stats() const { return stats_; }
  const RelayTargets& relay() const { return relay_; }
  /// Of each receiver's socket.
  std::size_t receive_buffer_bytes() const { return receivers_.front()->receive_buffer_bytes(); }
  const std::vector<std::unique_ptr<UdpReceiver>>& receivers() const { return receivers_; }
  std::size_t helpers() const { return helpers_ == nullptr ? 0 : helpers_->count(); }

 private:
  const UdpSourceOptions options_;
  const std::uint16_t port_;
  UdpSourceStats stats_;
  PeerTable peers_;
  const RelayTargets relay_;
  const UdpParts parts_;
  const std::unique_ptr<DecodeHelpers> helpers_;  ///< nullptr: none
  std::vector<std::unique_ptr<UdpReceiver>> receivers_;
  std::vector<std::unique_ptr<AgentThread>> threads_;
};

}  // namespace slipstream
