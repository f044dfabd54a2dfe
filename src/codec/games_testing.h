#pragma once
#include <simdjson.h>
#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "codec/decoders.h"
#include "codec/draft_filler.h"
#include "model/mark.h"

namespace slipstream::games_testing {

struct Datagram {
  ArrivalTime arrival;
  std::string bytes;
};

/// A point as it goes on: what its JSON says.
struct Told {
  std::map<std::string, double> numbers;
  std::map<std::string, std::string> texts;
  std::optional<bool> restricted;

  std::optional<double> number(const std::string& name) const {
    const auto at = numbers.find(name);
    return at == numbers.end() ? std::nullopt : std::optional(at->second);
  }
  std::string text(const std::string& name) const {
    const auto at = texts.find(name);
    return at == texts.end() ? std::string() : at->second;
  }
};
using Item = std::variant<Told, Mark>;

/// The contents of a file, with or without `.gz` behind its name.
inline std::optional<std::string> read_packed(const std::filesystem::path& folder,
                                              const std::string& name) {
  for (const auto& file : {folder / name, folder / (name + ".gz")}) {
    if (!std::filesystem::exists(file)) continue;
    const gzFile in = gzopen(file.c_str(), "rb");  // takes what is not packed, too
    std::string all;
    char piece[65'536];
    for (int n = 0; (n = gzread(in, piece, sizeof piece)) > 0;) {
      all.append(piece, static_cast<std::size_t>(n));
    }
    gzclose(in);
    return all;
  }
  return std::nullopt;
}

/// A file of the part of the reference data that is kept with the tests.
inline std::optional<std::string> read_kept_reference(const std::string& name) {
  return read_packed(SLIPSTREAM_SOURCE_DIR "/tests/data/games", name);
}

/// A file of the whole reference data, which is beside the project or nowhere.
inline std::optional<std::string> read_whole_reference(const std::string& name) {
  const char* const given = std::getenv("SLIPSTREAM_TEST_DATA");
  const std::filesystem::path data(given ? given : SLIPSTREAM_SOURCE_DIR "/../shared/data");
  return read_packed(data / "games", name);
}

/// A file of the reference data: the whole one where that is at hand, else the part that is kept.
inline std::optional<std::string> read_reference(const std::string& name) {
  auto whole = read_whole_reference(name);
  return whole ? whole : read_kept_reference(name);
}

inline std::vector<Datagram> datagrams_of(std::string_view capture) {
  std::vector<Datagram> all;
  while (capture.size() >= 12) {
    double time;
    std::uint32_t size;
    std::memcpy(&time, capture.data(), sizeof time);
    std::memcpy(&size, capture.data() + 8, sizeof size);
    all.push_back({{std::llround(time * 1e9)}, std::string(capture.substr(12, size))});
    capture.remove_prefix(12 + size);
  }
  return all;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

/// What a point's JSON says.
inline Told told_of(simdjson::dom::parser& parser, const std::string& json) {
  Told told;
  for (const auto [name, value] : parser.parse(json).get_object()) {
    if (value.is_number()) {
      told.numbers[std::string(name)] = value.is_double()  ? double(value)
                                        : value.is_int64() ? double(std::int64_t(value))
                                                           : double(std::uint64_t(value));
    } else if (value.is_string()) {
      told.texts[std::string(name)] = std::string(std::string_view(value));
    } else if (value.is_bool()) {
      told.restricted = bool(value);
    }
  }
  return told;
}

/// Decodes as `auto` does, and keeps points and marks in their order.
class Decoding final : public RejectionSink, public MarkSink {
 public:
  explicit Decoding(std::string_view decoder = "auto") : decoder_(*make_decoder(decoder, filler_)) {
    builder_.send_marks_to(*this);
  }

  std::size_t take(const Datagram& datagram, std::uint64_t sender = 1) {
    std::string padded = datagram.bytes;
    padded.append(Decoder::kPadding, '\0');
    const std::size_t points = decoder_->decode(
        {padded.data(), datagram.bytes.size()},
        {SourceKind::kUdp, datagram.arrival, "udp:127.0.0.1:9", {}, sender}, *this);
    drain();
    return points;
  }
  std::size_t flush(ArrivalTime now) {
    const std::size_t points = decoder_->flush(now, *this);
    drain();
    return points;
  }
  void take_all(const std::vector<Datagram>& datagrams) {
    for (const auto& datagram : datagrams) take(datagram);
    if (!datagrams.empty()) flush({datagrams.back().arrival.ns + kNsPerSecond});
  }

  Decoder& decoder() { return *decoder_; }
  std::vector<Item>& items() { return items_; }
  const std::vector<std::string>& refused() const { return refused_; }
  std::vector<Told> points() const {
    std::vector<Told> all;
    for (const auto& item : items_) {
      if (const auto* point = std::get_if<Told>(&item)) all.push_back(*point);
    }
    return all;
  }
  std::vector<Mark> marks() const {
    std::vector<Mark> all;
    for (const auto& item : items_) {
      if (const auto* mark = std::get_if<Mark>(&item)) all.push_back(*mark);
    }
    return all;
  }

 private:
  void rejected(std::size_t, const Rejection& rejection, std::string_view) override {
    refused_.push_back(rejection.message);
  }
  void accept(const Mark& mark) override {
    drain();
    items_.push_back(mark);
  }
  void drain() {
    auto& batch = writer_.open().at(0);
    if (!batch) return;
    for (const auto& point : batch->points) {
      items_.push_back(told_of(parser_, std::string(batch->json(point))));
    }
    batch->clear();
  }
  Schema schema_;
  IngestStats stats_;
  BatchPool pool_;
  BatchWriter writer_{1, pool_};
  PointBuilder builder_{schema_, stats_, writer_};
  DraftFiller filler_{builder_};
  std::unique_ptr<Decoder> decoder_;
  simdjson::dom::parser parser_;
  std::vector<Item> items_;
  std::vector<std::string> refused_;
};

}  // namespace slipstream::games_testing
