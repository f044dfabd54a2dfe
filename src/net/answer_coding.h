#pragma once
#include <string>
#include <string_view>

#include "net/accept.h"
#include "net/http.h"

namespace slipstream {

/// The whole text as gzip. Throws std::bad_alloc where there is not the memory.
std::string gzipped(std::string_view text);

/// Packs the answer to a GET as its client takes it. An answer of up to a KiB, one that is no 200,
/// one that has a coding of its own or that packing does not make smaller stays as it is. What is
/// larger than a BodySource's piece is packed piece by piece as the client reads it, whichever
/// thread gives the pieces: no thread is held up by a whole answer, and no more is held than a
/// piece and the packer's state (gzip 270 KiB, zstd 1 MiB). `Vary` and a weak `ETag` tell caches
/// that there are several forms of it.
void pack_answer(HttpResponse& response, Coding coding);

}  // namespace slipstream
