#include "source/capture.h"

#include <gmock/gmock.h>

#include <deque>
#include <memory>

#include "source/capture_testing.h"
#include "source/captured_packet.h"

namespace slipstream {
namespace {

using namespace capture_testing;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kAt = 1'760'000'000'123'456'789;

std::vector<std::string> payloads(const Capture& capture) {
  std::vector<std::string> all;
  for (const auto& datagram : capture.datagrams) all.emplace_back(datagram.payload);
  return all;
}

/// The bytes stay for as long as the tests run.
Capture capture_of(std::string given, std::optional<std::uint16_t> port = {}) {
  static std::deque<std::string> all_bytes;
  const std::string_view bytes = all_bytes.emplace_back(std::move(given));
  const auto format = capture_format_of(bytes, "x.cap");
  EXPECT_TRUE(format);
  return read_capture(format.value_or(CaptureFormat::kRecords), bytes, port);
}

/// The payload of one packet, or the name of what it is instead.
std::string told(std::uint32_t link, const std::string& packet, std::uint32_t cut_off = 0) {
  // In a block of its own, so that what is read behind it is seen.
  const auto exact = std::make_unique<char[]>(packet.size());
  packet.copy(exact.get(), packet.size());
  const auto read = read_captured_packet(link, {exact.get(), packet.size()},
                                         static_cast<std::uint32_t>(packet.size()) + cut_off);
  static constexpr const char* kKinds[] = {"datagram", "not UDP", "fragment",
                                           "cut",      "damaged", "unknown link"};
  return read.kind == CapturedPacket::Kind::kDatagram ? "=" + std::string(read.payload)
                                                      : kKinds[static_cast<int>(read.kind)];
}

TEST(CapturedPacket, IsFoundBehindEveryLink) {
  const std::string in = udp(50'000, 20'777, "hello");
  const std::string v4 = ipv4(in);
  const std::string v6 = ipv6(in);
  EXPECT_EQ(told(1, ethernet(v4)), "=hello");
  EXPECT_EQ(told(1, ethernet(v6, 0x86dd)), "=hello");
  const std::string tag = network().put(std::uint16_t{0x8100}).put(std::uint16_t{5}).bytes();
  const std::string outer = network().put(std::uint16_t{0x88a8}).put(std::uint16_t{6}).bytes();
  EXPECT_EQ(told(1, ethernet(v4, 0x0800, tag)), "=hello");
  EXPECT_EQ(told(1, ethernet(v6, 0x86dd, outer + tag)), "=hello");
  EXPECT_EQ(told(1, ethernet(v4 + std::string(20, '\0'))), "=hello") << "padding is no payload";
  EXPECT_EQ(told(113, std::string(14, 'c') + std::string("\x08\0", 2) + v4), "=hello");
  EXPECT_EQ(told(276, std::string("\x86\xdd", 2) + std::string(18, 'c') + v6), "=hello");
  for (const std::uint32_t raw : {12u, 14u, 101u}) {
    EXPECT_EQ(told(raw, v4), "=hello");
    EXPECT_EQ(told(raw, v6), "=hello");
  }
  EXPECT_EQ(told(228, v4), "=hello");
  EXPECT_EQ(told(229, v6), "=hello");
  EXPECT_EQ(told(0, std::string("\2\0\0\0", 4) + v4), "=hello");
  EXPECT_EQ(told(0, std::string("\0\0\0\2", 4) + v4), "=hello")
      << "of a machine of the other order";
  EXPECT_EQ(told(0, std::string("\x1e\0\0\0", 4) + v6), "=hello");
  EXPECT_EQ(told(108, std::string("\0\0\0\x18", 4) + v6), "=hello");
  EXPECT_EQ(told(105, v4), "unknown link");
  EXPECT_EQ(told(1, ethernet(std::string(28, 'a'), 0x0806)), "not UDP");
}

TEST(CapturedPacket, IsFoundBehindOptionsAndExtensions) {
  const std::string in = udp(1, 2, "x");
  EXPECT_EQ(told(101, ipv4(in, {.options = std::string(40, '\1')})), "=x");
  EXPECT_EQ(told(101, ipv4(in, {.protocol = 6})), "not UDP");
  const std::string hop("\x3c\0\0\0\0\0\0\0", 8);  // then destination options
  const std::string destination("\x11\1", 2);      // 16 bytes, then UDP
  const std::string both = hop + destination + std::string(14, '\0');
  EXPECT_EQ(told(101, ipv6(in, 0, both)), "=x");
  const std::string authentication = std::string("\x11\4", 2) + std::string(22, 'a');
  EXPECT_EQ(told(101, ipv6(in, 51, authentication)), "=x");
  const std::string whole("\x11\0\0\0\0\0\0\7", 8);
  EXPECT_EQ(told(101, ipv6(in, 44, whole)), "=x") << "a fragment that is all of it";
  EXPECT_EQ(told(101, ipv6(in, 59)), "not UDP");
  EXPECT_EQ(told(101, ipv6(in, 0, std::string("\x11\xff\0\0\0\0\0\0", 8))), "damaged");
}

TEST(CapturedPacket, FragmentsAreNoDatagrams) {
  const std::string in = udp(1, 2, "x");
  EXPECT_EQ(told(101, ipv4(in, {.fragment = 0x2000})), "fragment");
  EXPECT_EQ(told(101, ipv4(in, {.fragment = 0x0010})), "fragment");
  EXPECT_EQ(told(101, ipv4(in, {.fragment = 0x4000})), "=x") << "only not to be fragmented";
  EXPECT_EQ(told(101, ipv6(in, 44, std::string("\x11\0\0\1\0\0\0\7", 8))), "fragment");
  EXPECT_EQ(told(101, ipv6(in, 44, std::string("\x11\0\0\x10\0\0\0\7", 8))), "fragment");
}

TEST(CapturedPacket, NoPieceOfOneIsTakenForAll) {
  for (const auto& [link, whole] :
       {std::pair(1u, datagram("payload")), std::pair(101u, ipv6(udp(1, 2, "payload"))),
        std::pair(0u, std::string("\2\0\0\0", 4) + ipv4(udp(1, 2, "payload")))}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto cut_off = static_cast<std::uint32_t>(whole.size() - size);
      EXPECT_EQ(told(link, whole.substr(0, size), cut_off), "cut") << size;
      EXPECT_EQ(told(link, whole.substr(0, size)), "damaged") << size;
    }
  }
}

TEST(CapturedPacket, SendersAreToldApartByAddressAndPort) {
  const auto from = [](const std::string& packet) {
    return read_captured_packet(101, packet, static_cast<std::uint32_t>(packet.size())).from;
  };
  EXPECT_EQ(from(ipv4(udp(1, 2, "x"))), from(ipv4(udp(1, 9, "y"))));
  EXPECT_NE(from(ipv4(udp(1, 2, "x"))), from(ipv4(udp(3, 2, "x"))));
  EXPECT_NE(from(ipv4(udp(1, 2, "x"))), from(ipv4(udp(1, 2, "x"), {.from = 5})));
  EXPECT_NE(from(ipv6(udp(1, 2, "x"))), from(ipv6(udp(1, 2, "x"), 17, {}, 5)));
}

TEST(CaptureFile, PcapOfEitherOrderAndResolution) {
  for (const bool is_big : {false, true}) {
    for (const bool is_nanos : {false, true}) {
      const auto capture =
          capture_of(pcap({{kAt, datagram("one")}, {kAt + 5'000, datagram("two", 50'001)}},
                          {.is_big = is_big, .is_nanos = is_nanos}));
      EXPECT_THAT(payloads(capture), ElementsAre("one", "two"));
      EXPECT_EQ(capture.datagrams[0].time_ns, is_nanos ? kAt : kAt - 789);
      EXPECT_EQ(capture.datagrams[1].time_ns - capture.datagrams[0].time_ns, 5'000);
      EXPECT_EQ(capture.senders, 2u);
      EXPECT_NE(capture.datagrams[0].sender, capture.datagrams[1].sender);
      EXPECT_TRUE(capture.is_whole());
    }
  }
}

TEST(CaptureFile, PcapngOfSeveralSectionsAndInterfaces) {
  using namespace std::string_literals;
  const std::string nanos = option(9, "\x09"s) + option(1, "a comment");
  const std::string halves = option(9, "\x81"s);  // units of 2^-1 s
  const std::string shifted = option(14, Writer().put(std::uint64_t{100}).bytes()) + option(0, "");
  const auto capture = capture_of(
      section() + interface(1) + interface(101, nanos) + interface(1, halves) +
      interface(1, shifted) + enhanced(0, kAt / 1'000, datagram("micro")) +
      enhanced(1, kAt, ipv4(udp(50'000, 20'777, "nano"))) +
      enhanced(2, 3'520'000'001u, datagram("half")) + enhanced(3, 5'000'000, datagram("shifted")) +
      block(4, "names") + block(3, Writer().put(std::uint32_t{46}).put(datagram("bare")).bytes()) +
      section(true) + interface(1, {}, true) + enhanced(0, kAt / 1'000, datagram("swapped"), true));
  EXPECT_THAT(payloads(capture),
              ElementsAre("micro", "nano", "half", "shifted", "bare", "swapped"));
  EXPECT_EQ(capture.datagrams[0].time_ns, kAt - 789);
  EXPECT_EQ(capture.datagrams[1].time_ns, kAt);
  EXPECT_EQ(capture.datagrams[2].time_ns, 1'760'000'000'500'000'000);
  EXPECT_EQ(capture.datagrams[3].time_ns, 105'000'000'000);
  EXPECT_EQ(capture.datagrams[4].time_ns, capture.datagrams[3].time_ns);
  EXPECT_EQ(capture.datagrams[5].time_ns, kAt - 789);
  EXPECT_EQ(capture.fault, "");
}

TEST(CaptureFile, RecordsOfGames) {
  const std::string bytes = record(1'760'000'000.25, "first") + record(1'760'000'000.5, "");
  const auto capture = capture_of(bytes);
  EXPECT_THAT(payloads(capture), ElementsAre("first", ""));
  EXPECT_NEAR(static_cast<double>(capture.datagrams[0].time_ns - 1'760'000'000'250'000'000), 0,
              1'000)
      << "as exact as such a number is";
  EXPECT_TRUE(capture.is_whole());
  EXPECT_EQ(capture_format_of(bytes, "race.cap.gz"), CaptureFormat::kRecords);
  EXPECT_EQ(capture_format_of(bytes, "race.csv"), std::nullopt);
  EXPECT_EQ(capture_format_of(pcap({}), "race.cap"), CaptureFormat::kPcap) << "bytes come first";
}

TEST(CaptureFile, APortIsAllThatIsTaken) {
  const std::string other = datagram("other", 50'000, 53);
  const std::string piece = ethernet(ipv4(udp(1, 53, "x"), {.fragment = 0x2000}));
  const auto bytes = pcap({{kAt, other}, {kAt, datagram("mine")}, {kAt, piece}});
  const auto mine = capture_of(bytes, 20'777);
  EXPECT_THAT(payloads(mine), ElementsAre("mine"));
  EXPECT_EQ(mine.of_other_ports, 2u);
  EXPECT_TRUE(mine.is_whole());
  const auto all = capture_of(bytes);
  EXPECT_THAT(payloads(all), ElementsAre("other", "mine"));
  EXPECT_EQ(all.fragments, 1u);
  EXPECT_FALSE(all.is_whole());
  EXPECT_EQ(all.ports.at(53), 1u);
}

TEST(CaptureFile, WhatIsLeftOutIsCounted) {
  const auto capture = capture_of(pcap({{kAt, ethernet(std::string(28, 'a'), 0x0806)},
                                        {kAt, datagram("short").substr(0, 44), 3},
                                        {kAt, datagram("whole")},
                                        {kAt, ethernet("\x55")}}));
  EXPECT_THAT(payloads(capture), ElementsAre("whole"));
  EXPECT_EQ(capture.not_udp, 1u);
  EXPECT_EQ(capture.cut, 1u);
  EXPECT_EQ(capture.damaged, 1u);
  EXPECT_FALSE(capture.is_whole());
  EXPECT_EQ(capture.fault, "");
}

/// Whatever is cut off a file, what stands before is there, and the cut is told unless it is
/// between two packets.
TEST(CaptureFile, CutAnywhereItGivesWhatIsWhole) {
  const std::vector<std::string> files = {
      pcap({{kAt, datagram("one")}, {kAt, datagram("two")}}),
      section() + interface(1) + enhanced(0, 1, datagram("one")) + enhanced(0, 2, datagram("two")),
      record(1, "one") + record(2, "two")};
  for (const auto& whole : files) {
    const auto format = capture_format_of(whole, "x.cap");
    ASSERT_TRUE(format);
    const auto all = payloads(read_capture(*format, whole));
    ASSERT_THAT(all, ElementsAre("one", "two"));
    std::size_t told_of_none = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto exact = std::make_unique<char[]>(size);
      whole.copy(exact.get(), size);
      const auto capture = read_capture(*format, {exact.get(), size});
      const auto some = payloads(capture);
      ASSERT_LT(some.size(), 2u);
      if (!some.empty()) {
        EXPECT_EQ(some[0], "one");
      }
      told_of_none += capture.fault.empty() ? 1 : 0;
      EXPECT_EQ(capture.damaged + capture.cut, 0u);
    }
    EXPECT_LE(told_of_none, 4u) << "between two blocks";
  }
}

TEST(CaptureFile, DamageEndsItWhereItIs) {
  const std::string good = record(1, "good");
  EXPECT_THAT(capture_of(good + record(1, "x").replace(8, 4, "\xff\xff\xff\xff")).fault,
              HasSubstr("byte 16: a datagram of 4294967295 bytes"));
  EXPECT_THAT(capture_of(good + std::string(30, '\xff')).fault,
              HasSubstr("byte 16: a record's time"));
  const auto huge = pcap({{kAt, datagram("one")}}) + std::string(8, '\0') +
                    std::string("\xff\xff\xff\x7f\xff\xff\xff\x7f", 8);
  EXPECT_THAT(capture_of(huge).fault, HasSubstr("a packet of 2147483647 bytes"));
  EXPECT_THAT(payloads(capture_of(huge)), ElementsAre("one"));
  const std::string head = section() + interface(1);
  const auto fault = [&](const std::string& bytes) { return capture_of(head + bytes).fault; };
  EXPECT_THAT(fault(enhanced(1, 1, datagram("x"))), HasSubstr("byte 48: a block does not hold"));
  EXPECT_THAT(fault(block(6, "")), HasSubstr("does not hold"));
  EXPECT_THAT(fault(block(6, "x").replace(4, 1, "\x0d")), HasSubstr("a block of 13 bytes"));
  EXPECT_THAT(fault(block(6, "x").replace(12, 1, "\x20")), HasSubstr("two lengths"));
  EXPECT_THAT(fault(section().replace(8, 1, "?")), HasSubstr("byte order is none"));
  EXPECT_THAT(fault(section().replace(12, 1, "\2")), HasSubstr("version 2"));
}

}  // namespace
}  // namespace slipstream
