#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace slipstream::motec_testing {

/// A MoTeC log as a reader finds it: by the pointers in it alone.
struct ReadChannel {
  std::uint32_t at = 0;
  std::uint32_t previous = 0;
  std::uint32_t next = 0;
  std::uint32_t values_at = 0;
  std::uint16_t kind = 0;
  std::uint16_t value_bytes = 0;
  std::uint16_t rate_hz = 0;
  std::int16_t shift = 0;
  std::int16_t factor = 0;
  std::int16_t scale = 0;
  std::int16_t decimals = 0;
  std::string name;
  std::string short_name;
  std::string unit;
  std::vector<float> values;
};
struct ReadLog {
  std::uint32_t marker = 0;
  std::uint32_t values_at = 0;
  std::uint32_t channel_count = 0;
  std::string date, time, driver, vehicle, venue, comment;
  std::string event, session, description, event_venue, vehicle_id;
  std::vector<ReadChannel> channels;

  const ReadChannel* find(std::string_view name) const {
    for (const auto& channel : channels) {
      if (channel.name == name) return &channel;
    }
    return nullptr;
  }
};

class LogBytes {
 public:
  explicit LogBytes(std::string_view bytes) : bytes_(bytes) {}

  /// Machines that run the tests are little endian, as the format is.
  template <typename T>
  T number(std::size_t at) const {
    T value{};
    if (at + sizeof value <= bytes_.size()) std::memcpy(&value, bytes_.data() + at, sizeof value);
    return value;
  }
  std::string text(std::size_t at, std::size_t size) const {
    if (at >= bytes_.size()) return "beyond the end";
    const auto field = bytes_.substr(at, size);
    return std::string(field.substr(0, field.find('\0')));
  }

 private:
  std::string_view bytes_;
};

inline ReadLog read_motec(std::string_view file) {
  const LogBytes bytes(file);
  ReadLog log;
  log.marker = bytes.number<std::uint32_t>(0x00);
  log.values_at = bytes.number<std::uint32_t>(0x0C);
  log.channel_count = bytes.number<std::uint32_t>(0x56);
  log.date = bytes.text(0x5E, 0x10);
  log.time = bytes.text(0x7E, 0x10);
  log.driver = bytes.text(0x9E, 0x40);
  log.vehicle = bytes.text(0xDE, 0x40);
  log.venue = bytes.text(0x15E, 0x40);
  log.comment = bytes.text(0x624, 0x40);
  const auto event = bytes.number<std::uint32_t>(0x24);
  log.event = bytes.text(event, 0x40);
  log.session = bytes.text(event + 0x40, 0x40);
  log.description = bytes.text(event + 0x80, 0x400);
  const auto venue = bytes.number<std::uint16_t>(event + 0x480);
  log.event_venue = bytes.text(venue, 0x40);
  log.vehicle_id = bytes.text(bytes.number<std::uint16_t>(venue + 0x44Au), 0x40);
  for (auto at = bytes.number<std::uint32_t>(0x08); at != 0 && log.channels.size() < 10'000;) {
    ReadChannel channel;
    channel.at = at;
    channel.previous = bytes.number<std::uint32_t>(at);
    channel.next = bytes.number<std::uint32_t>(at + 0x04u);
    channel.values_at = bytes.number<std::uint32_t>(at + 0x08u);
    const auto count = bytes.number<std::uint32_t>(at + 0x0Cu);
    channel.kind = bytes.number<std::uint16_t>(at + 0x12u);
    channel.value_bytes = bytes.number<std::uint16_t>(at + 0x14u);
    channel.rate_hz = bytes.number<std::uint16_t>(at + 0x16u);
    channel.shift = bytes.number<std::int16_t>(at + 0x18u);
    channel.factor = bytes.number<std::int16_t>(at + 0x1Au);
    channel.scale = bytes.number<std::int16_t>(at + 0x1Cu);
    channel.decimals = bytes.number<std::int16_t>(at + 0x1Eu);
    channel.name = bytes.text(at + 0x20u, 0x20);
    channel.short_name = bytes.text(at + 0x40u, 8);
    channel.unit = bytes.text(at + 0x48u, 12);
    for (std::uint32_t i = 0; i < count && channel.values_at + 4 * i + 4 <= file.size(); ++i) {
      channel.values.push_back(bytes.number<float>(channel.values_at + 4u * i));
    }
    at = channel.next;
    log.channels.push_back(std::move(channel));
  }
  return log;
}

/// The value of each attribute of that name, in their order.
inline std::vector<std::string> attributes_of(std::string_view xml, std::string_view element,
                                              std::string_view name) {
  std::vector<std::string> values;
  const std::string begin = "<" + std::string(element) + " ";
  for (std::size_t at = xml.find(begin); at != xml.npos; at = xml.find(begin, at + 1)) {
    const auto tag = xml.substr(at, xml.find('>', at) - at);
    const std::string key = " " + std::string(name) + "=\"";
    const auto from = tag.find(key);
    if (from == tag.npos) continue;
    const auto value = tag.substr(from + key.size());
    values.emplace_back(value.substr(0, value.find('"')));
  }
  return values;
}

}  // namespace slipstream::motec_testing
