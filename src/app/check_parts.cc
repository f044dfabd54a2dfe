#include "app/check_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "app/access_setup.h"
#include "app/relay_setup.h"
#include "app/streams_setup.h"
#include "codec/decoders.h"
#include "net/address.h"
#include "net/address_list.h"
#include "racing/track_sectors.h"

namespace slipstream {
namespace {

bool is_decoder(const std::string& name, const Config& config) {
  return find_decoder(name) != nullptr ||
         std::ranges::find(config.formats, name, &game::PackedFormat::name) != config.formats.end();
}

void check_udp_source(const Config& config, const Config::UdpSource& source, std::size_t number,
                      std::vector<ConfigFault>& faults) {
  const std::string section = udp_section(number);
  if (!source.host.empty() && !parse_address(source.host)) {
    faults.push_back(
        {section + " host",
         fmt::format("an IP address, or nothing for all, is expected, not \"{}\"", source.host)});
  }
  if (const auto allow = AddressList::parse(source.allow); !allow) {
    faults.push_back({section + " allow", allow.error().message});
  }
  if (!is_decoder(source.decoder, config)) {
    faults.push_back(
        {section + " decoder", fmt::format("one of {}, or a [[format]], is expected, not \"{}\"",
                                           decoder_names(), source.decoder)});
  }
}

}  // namespace

std::vector<ConfigFault> check_parts(const Config& config) {
  std::vector<ConfigFault> faults = check_access_settings(config);
  if (!parse_address(config.server.listen)) {
    faults.push_back({"[server] listen",
                      fmt::format("an IP address is expected, not \"{}\"", config.server.listen)});
  }
  for (std::size_t i = 0; i < config.udp.size(); ++i)
    check_udp_source(config, config.udp[i], i, faults);
  if (const auto sectors = TrackSectors::open(config.racing.track_sectors_path.string());
      !sectors) {
    faults.push_back({"[racing] track_sectors_path", sectors.error().message});
  }
  std::ranges::move(check_relays(config), std::back_inserter(faults));
  std::ranges::move(check_streams(config), std::back_inserter(faults));
  for (auto& fault : faults) fault = located(config, fault);
  return faults;
}

}  // namespace slipstream
