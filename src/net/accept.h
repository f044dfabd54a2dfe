#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipstream {

// What a client says it takes (RFC 9110 12.5), with how much it wants each: `gzip;q=0.5`. What is
// no number is taken for 1.

using HttpFields = std::vector<std::pair<std::string, std::string>>;

/// Content codings that answers come in.
enum class Coding : std::uint8_t { kNone, kGzip, kZstd };

/// The one that the client wants most; of those it wants alike zstd, then gzip. kNone where it says
/// nothing, or takes neither.
Coding accepted_coding(const HttpFields& fields);

/// Which of these media types the client wants most; of those it wants alike the one that it names
/// more exactly, then the first. 0 where it takes none of them, since an answer of another type
/// says more than none.
std::size_t accepted_type(const HttpFields& fields, std::span<const std::string_view> offered);

}  // namespace slipstream
