// What others decode for a receiver, stepped by hand: it keeps its order, is bounded, and leaves
// alone what hangs on its sender's earlier datagrams.
#include "source/decode_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "source/decode_helpers.h"
#include "source/testing.h"
#include "source/udp_receiver.h"
#include "source/udp_sender.h"

namespace slipstream {
namespace {

using source_testing::good_point;
using source_testing::KeptPoints;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// Sees which decoder takes what: texts that begin with "after" hang on earlier ones.
class SeenDecoder final : public Decoder {
 public:
  struct Seen {
    std::mutex mutex;  // guards the rest
    std::set<const Decoder*> of_ordered;
    std::vector<std::string> ordered;
    std::size_t others = 0;
  };
  static Seen& seen() {
    static Seen all;
    return all;
  }
  static std::unique_ptr<Decoder> make(DraftFiller&) { return std::make_unique<SeenDecoder>(); }

  std::size_t decode(std::string_view bytes, const TextOrigin& origin, RejectionSink&) override {
    const std::lock_guard lock(seen().mutex);
    if (needs_order(bytes, origin)) {
      seen().of_ordered.insert(this);
      seen().ordered.emplace_back(bytes);
    } else {
      ++seen().others;
    }
    return 1;
  }
  bool needs_order(std::string_view bytes, const TextOrigin&) const override {
    return bytes.starts_with("after");
  }
};

class DecodeLineTest : public testing::Test {
 protected:
  UdpParts parts(const DecoderKind& kind) {
    return {options_, kind,  schema_, ingest_,  stats_, clock_,
            sink_,    pool_, peers_,  viewers_, relay_};
  }
  void send(std::string_view text) { ASSERT_TRUE(sender_.send(text)); }

  UdpSourceOptions options_{.behind_after_ns = 0};
  Schema schema_;
  IngestStats ingest_;
  UdpSourceStats stats_;
  ManualClock clock_{1'757'000'000 * kNsPerSecond};
  KeptPoints sink_{ingest_};
  BatchPool pool_;
  RejectionLog log_{{}, ingest_.errors_not_logged};
  PeerTable peers_{"udp", 0, log_};
  Gauge viewers_;
  RelayTargets relay_;
  UdpSocket socket_ = UdpSocket::open({.host = "127.0.0.1", .port = 0}).value();
  UdpSender sender_ = UdpSender::open("127.0.0.1", socket_.port()).value();
};

TEST_F(DecodeLineTest, HandsOverInTheOrderOfReceiptWhoeverIsReadyFirst) {
  const UdpParts all = parts(*find_decoder("json"));
  DecodeLine line(all);
  DatagramDecoder decoder(all);
  std::vector<DecodeLine::Piece*> pieces;
  for (const auto* name : {"first", "second", "third"}) {
    send(good_point(name));
    pieces.push_back(line.spare());
    ASSERT_NE(pieces.back(), nullptr);
    ASSERT_EQ(pieces.back()->received.receive(socket_.fd(), clock_), 1u);
    line.add();
  }
  const auto decode = [&](std::size_t i) {
    EXPECT_EQ(decoder.decode(pieces[i]->received), 1u);
    pieces[i]->decoded = decoder.take_decoded();
    line.decoded(*pieces[i]);
  };
  decode(2);
  EXPECT_THAT(sink_.chassis, IsEmpty());
  decode(0);
  EXPECT_THAT(sink_.chassis, ElementsAre("first"));
  EXPECT_FALSE(line.is_empty());
  decode(1);
  EXPECT_THAT(sink_.chassis, ElementsAre("first", "second", "third"));
  EXPECT_TRUE(line.is_empty());
}

TEST_F(DecodeLineTest, HasNoMorePlacesThanItsBuffers) {
  const UdpParts all = parts(*find_decoder("json"));
  DecodeLine line(all);
  DatagramDecoder decoder(all);
  std::vector<DecodeLine::Piece*> pieces;
  for (std::size_t i = 0; i < DecodeLine::kPlaces; ++i) {
    send(good_point("a"));
    pieces.push_back(line.spare());
    ASSERT_EQ(pieces.back()->received.receive(socket_.fd(), clock_), 1u);
    line.add();
  }
  EXPECT_EQ(line.spare(), nullptr);
  decoder.decode(pieces[0]->received);
  pieces[0]->decoded = decoder.take_decoded();
  line.decoded(*pieces[0]);
  EXPECT_EQ(line.spare(), pieces[0]);
}

TEST_F(DecodeLineTest, WhatIsDecodedTogetherDoesNotOvertakeWhatAnotherHas) {
  const UdpParts all = parts(*find_decoder("json"));
  DecodeHelpers helpers(all, 1, 1);
  DecodeLine line(all);
  DatagramDecoder decoder(all);
  DatagramDecoder other(all);
  DecodeLine::Piece* elsewhere = nullptr;
  // There is enough for several to be taken at once, and one in between is not for helpers.
  for (const auto* name : {"0", "1", "2", "3", "4", "5", "6", "7"}) {
    send(good_point(name));
    auto* piece = line.spare();
    ASSERT_NE(piece, nullptr);
    ASSERT_EQ(piece->received.receive(socket_.fd(), clock_), 1u);
    line.add();
    if (*name == '1') {
      elsewhere = piece;
    } else {
      helpers.offer(line, *piece);
    }
  }
  EXPECT_GT(helpers.decode_some(decoder), 1u);
  EXPECT_THAT(sink_.chassis, ElementsAre("0"));
  other.decode(elsewhere->received);
  elsewhere->decoded = other.take_decoded();
  line.decoded(*elsewhere);
  while (helpers.decode_some(decoder) > 0) {
  }
  EXPECT_TRUE(line.is_empty());
  EXPECT_THAT(sink_.chassis, ElementsAre("0", "1", "2", "3", "4", "5", "6", "7"));
}

TEST_F(DecodeLineTest, WhatThePipelineHasNoRoomForIsDroppedAndCounted) {
  const UdpParts all = parts(*find_decoder("json"));
  DecodeHelpers helpers(all, 1, 1);
  UdpReceiver receiver(std::move(socket_), all, &helpers);
  sink_.full = true;
  for (int i = 0; i < 100; ++i) send(good_point("lost"));
  while (ingest_.udp_datagrams.value() < 100) receiver.poll(16);
  const auto& udp = ingest_.of(SourceKind::kUdp);
  EXPECT_EQ(udp.rejected[static_cast<std::size_t>(RejectReason::kOverloaded)].value(), 100u);
  sink_.full = false;
  send(good_point("kept"));
  while (ingest_.udp_datagrams.value() < 101) receiver.poll(16);
  EXPECT_THAT(sink_.chassis, ElementsAre("kept"));
  EXPECT_EQ(udp.received.value(), 101u);
}

/// Six milliseconds pass from one look to the next. From the sixth on it waits for the pipeline to
/// have got something: by then a receiver has left datagrams to helpers, and they have come first
/// if anything does.
class HurryingClock final : public Clock {
 public:
  explicit HurryingClock(const Counter& accepted) : accepted_(accepted) {}
  ArrivalTime now() const override { return {1'757'000'000 * kNsPerSecond}; }
  SteadyTime steady() const override {
    const std::int64_t look = ++looks_;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (look >= 6 && accepted_.value() == 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    return {look * 6 * kNsPerMs};
  }

 private:
  const Counter& accepted_;
  mutable std::atomic<std::int64_t> looks_{0};
};

TEST_F(DecodeLineTest, WhatTheReceiverDecodedBeforeItFellBehindComesFirst) {
  const HurryingClock clock(ingest_.of(SourceKind::kUdp).accepted);
  options_.behind_after_ns = 10 * kNsPerMs;
  const UdpParts all{options_, *find_decoder("json"),
                     schema_,  ingest_,
                     stats_,   clock,
                     sink_,    pool_,
                     peers_,   viewers_,
                     relay_};
  DecodeHelpers helpers(all, 1, 1);
  UdpReceiver receiver(std::move(socket_), all, &helpers);
  constexpr std::size_t kPoints = 3 * DatagramBuffers::kMessages;
  std::vector<std::string> sent;
  for (std::size_t i = 0; i < kPoints; ++i) {
    sent.push_back(R"({"track":"cota","chassis":"a","lap":1,"n":)" + std::to_string(i) +
                   R"(,"meta_time":"2025-09-04T15:33:20Z"})");
    send(sent.back());
  }
  helpers.start(1);
  receiver.poll(16);
  helpers.stop();
  EXPECT_EQ(sink_.jsons, sent);
}

TEST_F(DecodeLineTest, WhatHangsOnEarlierDatagramsGoesThroughOneDecoder) {
  const DecoderKind kSeen{"seen", "", SeenDecoder::make, RejectReason::kMalformedCsv};
  constexpr std::size_t kRounds = 200;
  const UdpParts all = parts(kSeen);
  DecodeHelpers helpers(all, 2, 1);
  helpers.start(1);
  UdpReceiver receiver(std::move(socket_), all, &helpers);
  std::vector<std::string> ordered;
  for (std::size_t n = 0; n < kRounds; ++n) {
    // Each in pieces of their own, and all of them waiting at once.
    ordered.push_back("after " + std::to_string(n));
    for (std::size_t i = 0; i < DatagramBuffers::kMessages; ++i) send("any");
    send(ordered.back());
    while (ingest_.udp_datagrams.value() < (n + 1) * (DatagramBuffers::kMessages + 1)) {
      receiver.poll(16);
    }
  }
  helpers.stop();
  const auto& seen = SeenDecoder::seen();
  EXPECT_THAT(seen.of_ordered, SizeIs(1));
  EXPECT_EQ(seen.ordered, ordered);
  EXPECT_EQ(seen.others, kRounds * DatagramBuffers::kMessages);
}

}  // namespace
}  // namespace slipstream
