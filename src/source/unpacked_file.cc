#include "source/unpacked_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <utility>

#include "codec/decoder.h"
#include "net/body_encoding.h"

namespace slipstream {
namespace {

std::string fault_of(DecodeFault fault, std::string_view packing,
                     const std::filesystem::path& file) {
  return fault == DecodeFault::kTooLarge
             ? fmt::format("{}: more than {} GiB once unpacked", file.string(),
                           UnpackedFile::kMaxBytes >> 30)
             : fmt::format("{}: it begins like {}, but is cut or damaged", file.string(), packing);
}

UnpackedFile unpacked(std::string text, const std::filesystem::path& file) {
  using std::string_view_literals::operator""sv;
  const auto packing = text.starts_with("\x1f\x8b"sv)           ? "gzip"sv
                       : text.starts_with("\x28\xb5\x2f\xfd"sv) ? "zstd"sv
                                                                : ""sv;
  auto decoded = decode_what_is_there(std::move(text), packing, UnpackedFile::kMaxBytes);
  UnpackedFile whole{std::move(decoded.body)};
  if (decoded.fault) whole.fault = fault_of(*decoded.fault, packing, file);
  whole.bytes.reserve(whole.bytes.size() + Decoder::kPadding);
  return whole;
}

}  // namespace

Result<UnpackedFile> read_unpacked(const std::filesystem::path& file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) {
    return fail(fmt::format("{} is a directory", file.string()));
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::unexpected(errno_error(file.string(), errno));
  const auto size = std::filesystem::file_size(file, error);
  std::string text;
  text.reserve((error ? 0 : size) + Decoder::kPadding);
  text.assign(std::istreambuf_iterator<char>(in), {});
  if (in.bad()) return fail(fmt::format("{}: reading failed", file.string()));
  return unpacked(std::move(text), file);
}

}  // namespace slipstream
