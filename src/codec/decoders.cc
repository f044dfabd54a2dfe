#include "codec/decoders.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "codec/csv_decoder.h"
#include "codec/games_decoder.h"
#include "codec/json_decoder.h"
#include "codec/line_decoder.h"
#include "codec/mark_decoder.h"
#include "codec/trd_decoder.h"

namespace slipstream {
namespace {

template <typename Made>
std::unique_ptr<Decoder> make(DraftFiller& filler) {
  return std::make_unique<Made>(filler);
}

bool is_blank(std::string_view bytes) {
  return bytes.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

bool begins_json(std::string_view bytes, const TextOrigin&) {
  const char first = bytes[bytes.find_first_not_of(" \t\r\n")];
  return first == '{' || first == '[';
}
bool begins_trd(std::string_view bytes, const TextOrigin& origin) {
  return origin.is_body && looks_like_trd(bytes);
}
bool begins_lines(std::string_view bytes, const TextOrigin&) {
  return LineReader::looks_like_lines(bytes);
}
bool is_of_a_game(std::string_view bytes, const TextOrigin& origin) {
  return !origin.is_body && game::Games::fits(bytes);
}
bool anything(std::string_view, const TextOrigin&) {
  return true;
}

/// No text begins so: bytes of a format of somebody's own, or packed ones.
bool is_binary(std::string_view bytes) {
  constexpr std::size_t kLookedAt = 64;
  return std::ranges::any_of(bytes.substr(0, kLookedAt), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && c != '\t' && c != '\r' && c != '\n';
  });
}

std::string in_hex(std::string_view bytes) {
  constexpr std::size_t kShown = 8;
  std::string out;
  for (const char c : bytes.substr(0, kShown)) {
    out += fmt::format("{}{:02x}", out.empty() ? "" : " ", static_cast<unsigned char>(c));
  }
  return out;
}

/// What a body that calls itself a table may be.
class TableDecoder final : public Decoder {
 public:
  explicit TableDecoder(DraftFiller& filler) : either_(filler, kNames) {}

  std::size_t decode(std::string_view bytes, const TextOrigin& origin,
                     RejectionSink& rejections) override {
    return either_.decode(bytes, origin, rejections);
  }

 private:
  static constexpr std::string_view kNames[] = {"trd", "csv"};
  AutoDecoder either_;
};

constexpr auto kMalformedJson = RejectReason::kMalformedJson;
constexpr auto kMalformedCsv = RejectReason::kMalformedCsv;

/// Packed formats stand before texts. CSV stands behind the others that can be told, since it takes
/// what none of them knows.
const DecoderKind kKinds[] = {
    {"auto", "whichever of the others fits, told by the first bytes of each datagram",
     make<AutoDecoder>, kMalformedCsv},
    {"games",
     "datagrams of racing games: F1 2023 to 2026, Forza, Gran Turismo 7 ([games](games/README.md))",
     make<GamesDecoder>, RejectReason::kUnknownFormat, is_of_a_game, true},
    {"acc", "messages of Assetto Corsa Competizione's broadcasting ([games](games/acc.md))",
     make<AccPointDecoder>, RejectReason::kUnknownFormat},
    {"json", "JSON: an object, an array of objects, or objects separated by newlines",
     make<JsonDecoder>, kMalformedJson, begins_json},
    {"ndjson", "JSON, every line a document", make<JsonLinesDecoder>, kMalformedJson},
    {"trd", "the GR Cup's long CSV export, header and rows; in bodies and files", make<TrdDecoder>,
     kMalformedCsv, begins_trd},
    {"line", "InfluxDB's line protocol, its timestamps in ns", make<LineDecoder>, kMalformedCsv,
     begins_lines},
    {"csv", "CSV, its columns named by a header or in the fixed order ([points.md](points.md))",
     make<CsvDecoder>, kMalformedCsv, anything},
    {"table", "`trd` or `csv`, told by the header; in bodies and files", make<TableDecoder>,
     kMalformedCsv},
    {"mark", "one mark as a JSON object: a note by hand ([live.md](live.md#marks))",
     make<MarkDecoder>, kMalformedJson},
};

}  // namespace

std::span<const DecoderKind> decoder_kinds() {
  return kKinds;
}

const DecoderKind* find_decoder(std::string_view name) {
  const auto* kind = std::ranges::find(kKinds, name, &DecoderKind::name);
  return kind == std::end(kKinds) ? nullptr : kind;
}

DecoderKind decoder_of_formats(std::shared_ptr<const PackedFormats> formats) {
  const std::string_view name = formats->front().name;
  return {
      .name = name,
      .help = "a format of the configuration",
      .make = [formats = std::move(formats)](
                  DraftFiller& filler) { return std::make_unique<FormatDecoder>(filler, formats); },
      .malformed = RejectReason::kUnknownFormat};
}

std::string decoder_names() {
  std::string out;
  for (const auto& kind : kKinds) {
    out += out.empty() ? "" : ", ";
    out += kind.name;
  }
  return out;
}

std::string decoders_markdown() {
  std::string out = "| `decoder` | what it takes |\n| --- | --- |\n";
  for (const auto& kind : kKinds) out += fmt::format("| `{}` | {} |\n", kind.name, kind.help);
  return out;
}

Result<std::unique_ptr<Decoder>> make_decoder(std::string_view name, DraftFiller& filler) {
  if (const auto* kind = find_decoder(name)) return kind->make(filler);
  return fail(fmt::format("there is no decoder '{}': {} are", name, decoder_names()));
}

AutoDecoder::AutoDecoder(DraftFiller& filler) {
  for (const auto& kind : kKinds) {
    if (kind.fits != nullptr) candidates_.push_back({&kind, kind.make(filler)});
  }
  CHECK(!candidates_.empty(), "a text must have a decoder to go to");
}

AutoDecoder::AutoDecoder(DraftFiller& filler, std::span<const std::string_view> names) {
  for (const auto name : names) {
    const auto* kind = find_decoder(name);
    CHECK(kind != nullptr && kind->fits != nullptr, "only what can be told can be chosen from");
    candidates_.push_back({kind, kind->make(filler)});
  }
  CHECK(!candidates_.empty(), "a text must have a decoder to go to");
}

std::size_t AutoDecoder::decode(std::string_view bytes, const TextOrigin& origin,
                                RejectionSink& rejections) {
  last_ = nullptr;
  if (const Candidate* binary = binary_candidate_for(bytes, origin)) {
    last_ = binary->decoder.get();
    return binary->decoder->decode(bytes, origin, rejections);
  }
  bytes = bare_text(bytes);
  if (is_blank(bytes)) return 0;
  const Candidate& chosen = text_candidate_for(bytes, origin);
  if (&chosen == &candidates_.back() && is_binary(bytes)) {
    rejections.rejected(
        0,
        {RejectReason::kUnknownFormat,
         fmt::format("{} bytes that are no text and no format known here: they begin with {}",
                     bytes.size(), in_hex(bytes))},
        bytes);
    return 1;
  }
  last_ = chosen.decoder.get();
  return chosen.decoder->decode(bytes, origin, rejections);
}

bool AutoDecoder::needs_order(std::string_view bytes, const TextOrigin& origin) const {
  if (const Candidate* binary = binary_candidate_for(bytes, origin)) {
    return binary->decoder->needs_order(bytes, origin);
  }
  bytes = bare_text(bytes);
  if (is_blank(bytes)) return false;
  return text_candidate_for(bytes, origin).decoder->needs_order(bytes, origin);
}

const AutoDecoder::Candidate* AutoDecoder::binary_candidate_for(std::string_view bytes,
                                                                const TextOrigin& origin) const {
  for (const Candidate& candidate : candidates_) {
    if (!candidate.kind->is_binary) break;
    if (candidate.kind->fits(bytes, origin)) return &candidate;
  }
  return nullptr;
}

const AutoDecoder::Candidate& AutoDecoder::text_candidate_for(std::string_view text,
                                                              const TextOrigin& origin) const {
  auto chosen = candidates_.begin();
  while (chosen + 1 != candidates_.end() &&
         (chosen->kind->is_binary || !chosen->kind->fits(text, origin))) {
    ++chosen;
  }
  return *chosen;
}

std::optional<ArrivalTime> AutoDecoder::deadline() const {
  std::optional<ArrivalTime> first;
  for (const auto& candidate : candidates_) {
    const auto due = candidate.decoder->deadline();
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

std::size_t AutoDecoder::flush(ArrivalTime now, RejectionSink& rejections) {
  std::size_t points = 0;
  for (auto& candidate : candidates_) points += candidate.decoder->flush(now, rejections);
  return points;
}

}  // namespace slipstream
