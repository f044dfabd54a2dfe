#include "codec/byte_planes.h"

#include <bit>

namespace slipstream {
namespace {

constexpr unsigned kPlanes = sizeof(std::uint64_t);

}  // namespace

void append_planes(std::string& out, std::span<const std::uint64_t> column) {
  std::uint64_t used = 0;
  for (const std::uint64_t value : column) used |= value;
  unsigned mask = 1;
  for (unsigned plane = 1; plane < kPlanes; ++plane) {
    if ((used >> (plane * 8) & 0xff) != 0) mask |= 1u << plane;
  }
  const std::size_t begin = out.size();
  const std::size_t end = begin + 1 + static_cast<std::size_t>(std::popcount(mask)) * column.size();
  out.resize_and_overwrite(end, [&](char* bytes, std::size_t) {
    char* at = bytes + begin;
    *at++ = static_cast<char>(mask);
    for (unsigned plane = 0; plane < kPlanes; ++plane) {
      if ((mask >> plane & 1) == 0) continue;
      for (std::size_t i = 0; i < column.size(); ++i) {
        at[i] = static_cast<char>(column[i] >> (plane * 8));
      }
      at += column.size();
    }
    return end;
  });
}

bool read_planes(ByteReader& reader, std::span<std::uint64_t> column) {
  const unsigned mask = reader.fixed<std::uint8_t>();
  if ((mask & 1) == 0) return false;
  for (unsigned plane = 0; plane < kPlanes; ++plane) {
    if ((mask >> plane & 1) == 0) continue;
    const std::string_view bytes = reader.bytes(column.size());
    if (!reader.ok()) return false;
    if (plane == 0) {
      for (std::size_t i = 0; i < column.size(); ++i) {
        column[i] = static_cast<unsigned char>(bytes[i]);
      }
    } else {
      for (std::size_t i = 0; i < column.size(); ++i) {
        column[i] |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (plane * 8);
      }
    }
  }
  return true;
}

bool skip_planes(ByteReader& reader, std::size_t count) {
  const unsigned mask = reader.fixed<std::uint8_t>();
  if ((mask & 1) == 0) return false;
  for (unsigned plane = 0; plane < kPlanes; ++plane) {
    if ((mask >> plane & 1) != 0) reader.bytes(count);
  }
  return reader.ok();
}

}  // namespace slipstream
