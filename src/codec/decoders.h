#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/decoder.h"
#include "codec/draft_filler.h"
#include "codec/format_decoder.h"

namespace slipstream {

/// A format, by the name that configuration and other rooms call it. The one list of them stands in
/// decoders.cc; docs/extending.md tells how to add one.
struct DecoderKind {
  std::string_view name;
  std::string_view help;  ///< for docs/configuration.md
  std::function<std::unique_ptr<Decoder>(DraftFiller& filler)> make;
  RejectReason malformed;  ///< of bytes that are nothing like it
  /// Whether bytes, without a byte order mark and not all blank, begin like this format: `auto`
  /// asks in the order of the list. nullptr: it is taken only by its name.
  bool (*fits)(std::string_view bytes, const TextOrigin& origin) = nullptr;
  /// It is no text: it is asked before all that are, and gets the bytes as they came, their marks,
  /// blanks and NULs too.
  bool is_binary = false;
};

/// One for formats of one name that a configuration declares, which live as long as it does.
DecoderKind decoder_of_formats(std::shared_ptr<const PackedFormats> formats);

std::span<const DecoderKind> decoder_kinds();
/// nullptr: there is none of that name.
const DecoderKind* find_decoder(std::string_view name);
/// "json, csv ...", for messages.
std::string decoder_names();
/// For the table of docs/configuration.md.
std::string decoders_markdown();

/// A new one, which appends to the batches of the filler's builder. Decoders that share a filler
/// learn names together; they are used in turn, on one thread. Error: there is none of that name.
Result<std::unique_ptr<Decoder>> make_decoder(std::string_view name, DraftFiller& filler);

/// Picks the decoder of each text by its first bytes: the one place at which formats of
/// datagrams and bodies are told apart (recordings: source/replay_file.h). What none fits goes to
/// the last one; where that is no text either it is refused, as one.
class AutoDecoder final : public Decoder {
 public:
  /// Of all formats that can be told.
  explicit AutoDecoder(DraftFiller& filler);
  /// Of these alone, in this order.
  AutoDecoder(DraftFiller& filler, std::span<const std::string_view> names);

  std::size_t decode(std::string_view bytes, const TextOrigin& origin,
                     RejectionSink& rejections) override;
  bool needs_order(std::string_view bytes, const TextOrigin& origin) const override;
  bool kept_last() const override { return last_ != nullptr && last_->kept_last(); }
  std::optional<ArrivalTime> deadline() const override;
  std::size_t flush(ArrivalTime now, RejectionSink& rejections) override;

 private:
  struct Candidate {
    const DecoderKind* kind;
    std::unique_ptr<Decoder> decoder;
  };
  const Candidate* binary_candidate_for(std::string_view bytes, const TextOrigin& origin) const;
  const Candidate& text_candidate_for(std::string_view text, const TextOrigin& origin) const;

  std::vector<Candidate> candidates_;  ///< never empty; binary ones first
  const Decoder* last_ = nullptr;      ///< that was chosen
};

}  // namespace slipstream
