#include "game/f1_decoder.h"

namespace slipstream::game {

bool F1Decoder::take(std::string_view datagram, const Receipt& receipt, GameSink& sink) {
  const F1Format* format = f1_format_of(datagram);
  if (format == nullptr) return false;
  F1Sender* sender = senders_.find(receipt.sender, receipt.arrival, [&] {
    return std::make_unique<F1Sender>(receipt.sender, stats_);
  });
  if (sender == nullptr) {
    stats_.senders_refused.add();
    return true;
  }
  sender->take(*format, datagram, receipt.arrival, sink);
  return true;
}

std::optional<ArrivalTime> F1Decoder::deadline() const {
  std::optional<ArrivalTime> first;
  senders_.each([&first](const F1Sender& sender) {
    const auto due = sender.deadline();
    if (due && (!first || *due < *first)) first = due;
  });
  return first;
}

void F1Decoder::flush(ArrivalTime now, GameSink& sink) {
  senders_.each([&](F1Sender& sender) { sender.flush(now, sink); });
}

}  // namespace slipstream::game
