#include "net/answer_coding.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "base/check.h"

namespace slipstream {
namespace {

constexpr std::size_t kSmallBytes = 1'024;

/// Packs a text bit by bit, so that each piece can be read when it comes. One thread at a time.
class Packer {
 public:
  virtual ~Packer() = default;
  /// `is_last` ends the packed text, and is told once.
  virtual std::string pack(std::string_view piece, bool is_last) = 0;
};

class GzipPacker final : public Packer {
 public:
  GzipPacker() {
    constexpr int kGzip = 15 + 16;
    constexpr int kMemoryLevel = 8;
    if (deflateInit2(&z_, Z_BEST_SPEED, Z_DEFLATED, kGzip, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~GzipPacker() override { deflateEnd(&z_); }
  GzipPacker(const GzipPacker&) = delete;
  GzipPacker& operator=(const GzipPacker&) = delete;

  std::string pack(std::string_view piece, bool is_last) override {
    std::string out;
    z_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));  // zlib reads it only
    z_.avail_in = static_cast<uInt>(piece.size());
    do {
      const std::size_t begin = out.size();
      out.resize(begin + piece.size() / 4 + kSmallBytes);
      z_.next_out = reinterpret_cast<Bytef*>(out.data() + begin);
      z_.avail_out = static_cast<uInt>(out.size() - begin);
      deflate(&z_, is_last ? Z_FINISH : Z_SYNC_FLUSH);
      out.resize(out.size() - z_.avail_out);
    } while (z_.avail_out == 0);
    return out;
  }

 private:
  z_stream z_{};
};

class ZstdPacker final : public Packer {
 public:
  ZstdPacker() : context_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
    if (!context_) throw std::bad_alloc();
    constexpr int kWindowLog = 17;  // what both sides hold
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, kWindowLog);
  }

  std::string pack(std::string_view piece, bool is_last) override {
    std::string out;
    ZSTD_inBuffer in{piece.data(), piece.size(), 0};
    std::size_t left = 0;
    do {
      const std::size_t begin = out.size();
      out.resize(begin + piece.size() / 4 + kSmallBytes);
      ZSTD_outBuffer into{out.data(), out.size(), begin};
      left = ZSTD_compressStream2(context_.get(), &into, &in, is_last ? ZSTD_e_end : ZSTD_e_flush);
      if (ZSTD_isError(left)) throw std::bad_alloc();  // all else is right by construction
      out.resize(into.pos);
    } while (left != 0);
    return out;
  }

 private:
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
};

std::unique_ptr<Packer> make_packer(Coding coding) {
  CHECK(coding != Coding::kNone, "what is not packed needs no packer");
  if (coding == Coding::kGzip) return std::make_unique<GzipPacker>();
  return std::make_unique<ZstdPacker>();
}

/// A whole body, in pieces.
class TextBody final : public BodySource {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  void next(PieceTaker give) override {
    std::string piece = text_.substr(given_, kPieceBytes);
    given_ += piece.size();
    give(std::move(piece));
  }

 private:
  const std::string text_;
  std::size_t given_ = 0;
};

class PackedBody final : public BodySource {
 public:
  PackedBody(std::shared_ptr<BodySource> plain, Coding coding)
      : plain_(std::move(plain)), state_(std::make_shared<State>(make_packer(coding))) {}

  void next(PieceTaker give) override {
    if (state_->has_ended) {
      give(std::string());
      return;
    }
    // This may be gone when the piece comes, the state is not.
    plain_->next([state = state_, give = std::move(give)](Result<std::string> piece) {
      if (!piece) {
        give(std::unexpected(std::move(piece.error())));
        return;
      }
      state->has_ended = piece->empty();
      give(state->packer->pack(*piece, state->has_ended));
    });
  }

 private:
  struct State {
    explicit State(std::unique_ptr<Packer> made) : packer(std::move(made)) {}
    std::unique_ptr<Packer> packer;
    bool has_ended = false;  ///< written and read between one piece and the next
  };
  const std::shared_ptr<BodySource> plain_;
  const std::shared_ptr<State> state_;
};

void add_headers(HttpResponse& response, Coding coding) {
  for (auto& [name, value] : response.headers) {
    if (equal_ignoring_case(name, "ETag") && !value.starts_with("W/")) value.insert(0, "W/");
  }
  response.headers.emplace_back("Content-Encoding", coding == Coding::kGzip ? "gzip" : "zstd");
}

bool has_coding(const HttpResponse& response) {
  return std::ranges::any_of(response.headers, [](const auto& header) {
    return equal_ignoring_case(header.first, "Content-Encoding");
  });
}

}  // namespace

std::string gzipped(std::string_view text) {
  return GzipPacker().pack(text, true);
}

void pack_answer(HttpResponse& response, Coding coding) {
  const bool is_large = response.source != nullptr || response.body.size() > kSmallBytes;
  const bool may_be_packed = response.status == 200 && is_large && !has_coding(response);
  if (!may_be_packed && response.status != 304) return;
  response.headers.emplace_back("Vary", "Accept-Encoding");
  if (!may_be_packed || coding == Coding::kNone) return;
  if (response.source == nullptr && response.body.size() <= BodySource::kPieceBytes) {
    std::string packed = make_packer(coding)->pack(response.body, true);
    if (packed.size() >= response.body.size()) return;
    response.body = std::move(packed);
  } else {
    if (response.source == nullptr) {
      response.source = std::make_shared<TextBody>(std::move(response.body));
      response.body.clear();
    }
    response.source = std::make_shared<PackedBody>(std::move(response.source), coding);
  }
  add_headers(response, coding);
}

}  // namespace slipstream
