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
#include "codec/mark_json.h"
#include "model/sinks.h"
#include "source/capture.h"
#include "source/peer_table.h"
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

/// Decodes datagrams as a server does which gets them from several senders, and keeps what it
/// refuses.
class CaptureDecoder final : private RejectionSink, private MarkSink {
 public:
  CaptureDecoder() { builder_.send_marks_to(*this); }

  /// Calls `take` with the JSON of each point that is complete now, and of each mark among them.
  template <typename Take>
  Result<void> decode(const CapturedDatagram& datagram, Take take) {
    const ArrivalTime arrival{datagram.time_ns};
    if (const auto due = decoder_.deadline(); due && *due <= arrival) {
      decoder_.flush(arrival, *this);
    }
    padded_.assign(datagram.payload);
    padded_.append(Decoder::kPadding, '\0');
    const std::string_view text(padded_.data(), datagram.payload.size());
    decoder_.decode(
        text, {.source = SourceKind::kReplay, .arrival = arrival, .sender = datagram.sender + 1u},
        *this);
    return drain(take);
  }
  template <typename Take>
  Result<void> finish(Take take) {
    decoder_.flush({std::numeric_limits<std::int64_t>::max()}, *this);
    return drain(take);
  }

  const Unreadable& refused() const { return refused_; }
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  template <typename Take>
  Result<void> drain(Take take) {
    const auto batches = writer_.take_all();
    auto marks = std::exchange(marks_, {});
    Result<void> outcome;
    for_each_in_order(
        batches, marks,
        [&](const PointBatchPtr& batch) {
          for (const Point& point : batch->points) {
            if (outcome) outcome = take(batch->json(point), false);
          }
        },
        [&](const MarkPtr& mark) {
          std::string json;
          append_mark_json(json, *mark);
          if (outcome) outcome = take(json, true);
        });
    return outcome;
  }
  void rejected(std::size_t, const Rejection& rejection, std::string_view sample) override {
    ++refused_[std::string(to_string(rejection.reason))];
    constexpr std::size_t kMostTold = 10;
    if (errors_.size() == kMostTold) return;
    errors_.push_back(fmt::format("{}: {} in: {}", to_string(rejection.reason), rejection.message,
                                  printable_sample(sample, 80)));
  }
  void accept(const Mark& mark) override {
    marks_.push_back({writer_.cut(), std::make_shared<const Mark>(mark)});
  }

  static SchemaOptions names() {
    SchemaOptions options;
    // A recording may be of a machine whose clock was ahead.
    options.future_skew_ms = std::numeric_limits<std::int64_t>::max() / kNsPerSecond;
    return options;
  }

  Schema schema_{names()};
  IngestStats stats_;
  BatchPool pool_;
  BatchWriter writer_{1, pool_};
  PointBuilder builder_{schema_, stats_, writer_};
  DraftFiller filler_{builder_};
  AutoDecoder decoder_{filler_};
  std::string padded_;
  Unreadable refused_;
  std::vector<std::string> errors_;
  std::vector<MarkAmong> marks_;
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
  for (const auto& error : decoder->errors()) fmt::print(stderr, "refused: {}\n", error);
  const int code = finish_replay(replay, sender, outcome, outcome ? capture.datagrams.size() : 0,
                                 options, decoder->refused());
  return tell_left_out(options, **opened, code);
}

}  // namespace slipstream
