#include "source/decode_helpers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace slipstream {

DecodeHelpers::DecodeHelpers(const UdpParts& parts, std::size_t helpers, std::size_t receivers)
    : jobs_({.items = receivers * DecodeLine::kPlaces}) {
  CHECK(helpers >= 1, "who has no helpers offers nothing");
  while (helpers_.size() < helpers) helpers_.push_back(std::make_unique<Helper>(*this, parts));
}

std::size_t DecodeHelpers::start(std::size_t number) {
  for (auto& helper : helpers_) {
    threads_.push_back(std::make_unique<AgentThread>(
        number == 1 ? "udp-decode" : fmt::format("udp-decode-{}", number), *helper));
    ++number;
  }
  return number;
}

void DecodeHelpers::stop() {
  for (auto& thread : threads_) thread->stop(true);
}

void DecodeHelpers::offer(DecodeLine& line, DecodeLine::Piece& piece) {
  Job job{&line, &piece};
  CHECK(jobs_.offer(job) == OfferStatus::kTaken, "there is room for all places of all lines");
  helpers_[turn_.fetch_add(1, std::memory_order_relaxed) % helpers_.size()]->wake();
}

bool DecodeHelpers::is_next(const Job& job, const Job& before) {
  return job.line == before.line && job.piece->number == before.piece->number + 1;
}

std::size_t DecodeHelpers::decode_some(DatagramDecoder& decoder) {
  // Several at once where there are enough for all: their batches are larger.
  const std::size_t share = jobs_.depth() / (helpers_.size() + 1);
  std::vector<Job> taken;
  jobs_.take(taken, std::clamp<std::size_t>(share, 1, kMostTogether));
  std::size_t datagrams = 0;
  for (std::size_t end = 0; end < taken.size();) {
    const std::size_t begin = end;
    do {
      datagrams += decoder.decode(taken[end].piece->received);
    } while (++end < taken.size() && is_next(taken[end], taken[end - 1]));
    taken[begin].piece->decoded = decoder.take_decoded();
    for (std::size_t i = begin; i < end; ++i) taken[i].line->decoded(*taken[i].piece);
  }
  return datagrams;
}

std::size_t DecodeHelpers::Helper::poll(std::size_t budget) {
  std::size_t pieces = 0;
  for (; pieces < budget; ++pieces) {
    const std::size_t datagrams = all_.decode_some(decoder_);
    if (datagrams == 0) break;
    parts_.stats.helped_datagrams.add(datagrams);
  }
  return pieces;
}

}  // namespace slipstream
