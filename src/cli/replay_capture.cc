#include "cli/replay_capture.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "cli/cli.h"
#include "cli/paced_replay.h"
#include "cli/udp_points.h"
#include "codec/decoders.h"
#include "source/capture.h"
#include "source/recording_decoder.h"
#include "source/unpacked_file.h"

namespace slipstream {
namespace {

constexpr std::string_view kCommand = "replay";

/// A capture with the bytes that its datagrams are in.
struct OpenCapture {
  UnpackedFile file;
  Capture capture;
};

Result<std::unique_ptr<OpenCapture>> open_capture(const ReplayOptions& options) {
  auto file = read_unpacked(options.source);
  if (!file) return std::unexpected(file.error());
  const auto format = capture_format_of(file->bytes, options.source);
  if (!format) {
    return fail(file->fault.empty()
                    ? fmt::format("{} is no capture: neither pcap nor pcapng", options.source)
                    : std::move(file->fault));
  }
  if (options.port && *format == CaptureFormat::kRecords) {
    return fail(
        fmt::format("{} does not say where its datagrams were sent to: --port goes with "
                    "pcap and pcapng",
                    options.source));
  }
  auto opened = std::make_unique<OpenCapture>(std::move(*file));
  opened->capture = read_capture(*format, opened->file.bytes, options.port);
  return opened;
}

/// "12 not UDP, 3 to other ports"; empty: there is no such thing.
std::string listed(std::initializer_list<std::pair<std::size_t, const char*>> counts) {
  std::string out;
  for (const auto& [count, what] : counts) {
    if (count > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, what);
  }
  return out;
}

/// What of the capture was not sent. The exit code: it changes where a datagram may be missing.
int tell_left_out(const ReplayOptions& options, const OpenCapture& opened, int code) {
  const Capture& capture = opened.capture;
  if (const auto passed_over = listed({{capture.not_udp, "packets that are not UDP"},
                                       {capture.of_other_ports, "datagrams to other ports"}});
      !passed_over.empty()) {
    fmt::print(stderr, "passed over: {}\n", passed_over);
  }
  if (!options.port && capture.ports.size() > 1) {
    constexpr std::size_t kMostNamed = 8;
    std::vector<std::pair<std::size_t, std::uint16_t>> ports;
    for (const auto& [port, count] : capture.ports) ports.emplace_back(count, port);
    std::ranges::sort(ports, std::greater());
    std::string named;
    for (std::size_t i = 0; i < std::min(kMostNamed, ports.size()); ++i) {
      named += fmt::format("{}{} ({})", i == 0 ? "" : ", ", ports[i].second, ports[i].first);
    }
    if (ports.size() > kMostNamed) named += fmt::format(" and {} more", ports.size() - kMostNamed);
    fmt::print(stderr, "they went to several ports: {}; --port sends those of one\n", named);
  }
  const auto lost = listed({{capture.fragments, "fragments"},
                            {capture.cut, "cut short when they were captured"},
                            {capture.damaged, "damaged"},
                            {capture.unknown_link, "of a link that is not known"}});
  if (!lost.empty()) {
    code = tell_failure(kCommand,
                        {fmt::format("{}: packets that were not sent: {}", options.source, lost)});
  }
  if (!opened.file.fault.empty()) {
    code = tell_failure(kCommand, {opened.file.fault + ": what stands before was sent"});
  } else if (!capture.fault.empty()) {
    code = tell_failure(kCommand, {fmt::format("{}: {}: what stands before was sent",
                                               options.source, capture.fault)});
  }
  return code;
}

int tell_nothing_in_it(const ReplayOptions& options, const OpenCapture& opened) {
  tell_left_out(options, opened, kExitFailure);
  return tell_failure(kCommand,
                      {fmt::format("{} holds no datagram that can be sent", options.source)});
}

/// Decodes datagrams as a server does which gets them from several senders.
class CaptureDecoder {
 public:
  /// Calls `take` with the JSON of each point that is complete now, and of each mark among them.
  Result<void> decode(const CapturedDatagram& datagram, const RecordingDecoder::Take& take) {
    const ArrivalTime arrival{datagram.time_ns};
    decoder_.flush(arrival, refused_);
    padded_.assign(datagram.payload);
    padded_.append(Decoder::kPadding, '\0');
    const std::string_view text(padded_.data(), datagram.payload.size());
    decoder_.decode(
        text, {.source = SourceKind::kReplay, .arrival = arrival, .sender = datagram.sender + 1u},
        refused_);
    return decoder_.give(take);
  }
  Result<void> finish(const RecordingDecoder::Take& take) {
    decoder_.flush({std::numeric_limits<std::int64_t>::max()}, refused_);
    return decoder_.give(take);
  }

  const RefusalCounts& refused() const { return refused_; }

 private:
  RecordingDecoder decoder_{
      [](DraftFiller& filler) { return std::make_unique<AutoDecoder>(filler); }};
  std::string padded_;
  RefusalCounts refused_;
};

Result<void> send_datagrams(const Capture& capture, UdpDatagrams& sender, PacedReplay& replay) {
  std::size_t done = 0;
  for (const auto& datagram : capture.datagrams) {
    if (auto mine = sender.speak_for(datagram.sender); !mine) return mine;
    if (auto sent = replay.send(datagram.time_ns, datagram.payload, done++); !sent) return sent;
  }
  return {};
}

Result<void> send_points(const Capture& capture, CaptureDecoder& decoder, PacedReplay& replay) {
  std::size_t done = 0;
  std::int64_t now_ns = 0;
  const auto take = [&](std::string_view json, bool is_mark) {
    return is_mark ? replay.send_mark(now_ns, json, done) : replay.send(now_ns, json, done);
  };
  for (const auto& datagram : capture.datagrams) {
    now_ns = datagram.time_ns;
    if (auto waited = replay.wait(now_ns, done); !waited) return waited;
    if (auto sent = decoder.decode(datagram, take); !sent) return sent;
    ++done;
  }
  return decoder.finish(take);
}

}  // namespace

int replay_capture_datagrams(const ReplayOptions& options, UdpDatagrams& sender, double speed) {
  const auto opened = open_capture(options);
  if (!opened) return tell_failure(kCommand, opened.error());
  const Capture& capture = (*opened)->capture;
  if (capture.datagrams.empty()) return tell_nothing_in_it(options, **opened);
  PacedReplay replay(sender, speed, capture.datagrams.size());
  const auto outcome = send_datagrams(capture, sender, replay);
  const int code = finish_replay(replay, sender, outcome, sender.sent(), options, {}, "datagrams");
  return tell_left_out(options, **opened, code);
}

int replay_capture_points(const ReplayOptions& options, PointSender& sender, double speed) {
  const auto opened = open_capture(options);
  if (!opened) return tell_failure(kCommand, opened.error());
  const Capture& capture = (*opened)->capture;
  if (capture.datagrams.empty()) return tell_nothing_in_it(options, **opened);
  PacedReplay replay(sender, speed, capture.datagrams.size());
  const auto decoder = std::make_unique<CaptureDecoder>();
  const auto outcome = send_points(capture, *decoder, replay);
  decoder->refused().print();
  const int code = finish_replay(replay, sender, outcome, outcome ? capture.datagrams.size() : 0,
                                 options, decoder->refused().counts());
  return tell_left_out(options, **opened, code);
}

}  // namespace slipstream
