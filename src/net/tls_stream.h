#pragma once
#include <memory>

#include "base/counters.h"
#include "net/stream.h"
#include "net/tls_context.h"

namespace slipstream {

/// An accepted connection, encrypted. The handshake is part of the first read. OpenSSL works on the
/// socket itself, without copies in between; at most one record (16 KiB) that was taken is not yet
/// with the kernel.
std::unique_ptr<Stream> make_tls_stream(boost::asio::ip::tcp::socket socket,
                                        const TlsContext& context, Counter& handshakes_failed);

}  // namespace slipstream
