#include "cli/server_counts.h"

#include <fmt/format.h>
#include <simdjson.h>

namespace slipstream {

ServerCounts::ServerCounts(const BodySender::Server& server)
    : where_(http_authority(server.host, server.port)),
      headers_(headers_of(server)),
      http_(client_of(server)) {}

Result<UdpCounts> ServerCounts::ask() {
  const auto answer = http_->ask({"GET", "/api/health", headers_});
  if (!answer) return fail(fmt::format("{}: {}", where_, answer.error().message));
  // 503 has the same body: the server is up, and not well.
  if (answer->status != 200 && answer->status != 503) {
    return fail(fmt::format("{}: GET /api/health is answered {}", where_, answer->status));
  }
  simdjson::dom::parser parser;
  simdjson::dom::element udp;
  UdpCounts counts;
  if (parser.parse(answer->body).at_pointer("/sources/udp").get(udp) != simdjson::SUCCESS ||
      udp["accepted"].get(counts.accepted) != simdjson::SUCCESS) {
    return fail(fmt::format("{}: GET /api/health says nothing of points by UDP", where_));
  }
  simdjson::dom::object rejected;
  if (udp["rejected"].get(rejected) == simdjson::SUCCESS) {
    for (const auto member : rejected) {
      std::uint64_t count = 0;
      if (member.value.get(count) == simdjson::SUCCESS) counts.rejected += count;
    }
  }
  std::uint64_t datagrams = 0;
  if (udp["datagrams"].get(datagrams) == simdjson::SUCCESS) counts.datagrams = datagrams;
  std::uint64_t drops = 0;
  if (udp["kernelDrops"].get(drops) == simdjson::SUCCESS) counts.kernel_drops = drops;
  return counts;
}

}  // namespace slipstream
