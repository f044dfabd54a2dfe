#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/agent.h"
#include "base/bounded_queue.h"
#include "source/datagram_decoder.h"
#include "source/decode_line.h"

namespace slipstream {

/// Threads of a UDP source that decode what its receivers have no time for. Each has a decoder of
/// its own, so that only what needs nothing from before comes here (Decoder::needs_order). Bounded
/// by the places of the receivers' lines.
/// Threads: offer() and decode_some() from any; the rest one.
class DecodeHelpers {
 public:
  static constexpr std::uint32_t kMax = 8;

  DecodeHelpers(const UdpParts& parts, std::size_t helpers, std::size_t receivers);

  /// Starts the threads, numbered from `number` on: "udp-decode", "udp-decode-2" ... Returns the
  /// number that is next. Without them what is offered is decoded by decode_some() alone.
  std::size_t start(std::size_t number);
  /// Ends them, once nothing is left.
  void stop();

  /// A piece that has its place in the line.
  void offer(DecodeLine& line, DecodeLine::Piece& piece);
  /// Decodes one that nobody has begun, or a few, whichever receiver's they are. How many datagrams
  /// that were; 0: there is none. Who calls has nothing of his own to hand over.
  std::size_t decode_some(DatagramDecoder& decoder);
  std::size_t count() const { return helpers_.size(); }

 private:
  struct Job {
    DecodeLine* line;
    DecodeLine::Piece* piece;
  };
  class Helper final : public SignalledAgent {
   public:
    Helper(DecodeHelpers& all, const UdpParts& parts) : all_(all), parts_(parts), decoder_(parts) {}
    std::size_t poll(std::size_t budget) override;

   protected:
    Limit idle_limit() override { return kLongestIdle; }

   private:
    DecodeHelpers& all_;
    const UdpParts& parts_;
    DatagramDecoder decoder_;
  };

  static bool is_next(const Job& job, const Job& before);

  static constexpr std::size_t kMostTogether = 4;

  BoundedQueue<Job> jobs_;
  std::vector<std::unique_ptr<Helper>> helpers_;
  std::atomic<std::size_t> turn_{0};  ///< whom to wake next
  std::vector<std::unique_ptr<AgentThread>> threads_;
};

}  // namespace slipstream
