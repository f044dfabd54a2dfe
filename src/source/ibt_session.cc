#include "source/ibt_session.h"

#include <simdjson.h>

namespace slipstream {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// As UTF-8: what is none is Latin-1.
std::string utf8_of(std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) return std::string(text);
  std::string utf8;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      utf8 += c;
    } else {
      utf8 += static_cast<char>(0xC0 | (byte >> 6));
      utf8 += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return utf8;
}

/// Of "key: value", with or without quotes around the value.
struct SessionLine {
  std::string_view key;
  std::string_view value;
  bool is_section = false;  ///< it stands at the margin
  bool is_item = false;     ///< it begins an item of a list
};

SessionLine session_line_of(std::string_view line) {
  SessionLine read;
  read.is_section = !line.empty() && line.front() != ' ' && line.front() != '-';
  std::string_view rest = trimmed(line);
  if (rest.starts_with("- ")) {
    read.is_item = true;
    rest = trimmed(rest.substr(2));
  }
  const auto colon = rest.find(':');
  if (colon == std::string_view::npos) return read;
  read.key = rest.substr(0, colon);
  read.value = trimmed(rest.substr(colon + 1));
  for (const char quote : {'"', '\''}) {
    if (read.value.size() >= 2 && read.value.front() == quote && read.value.back() == quote) {
      read.value = read.value.substr(1, read.value.size() - 2);
    }
  }
  return read;
}

/// Calls with each line, and the section that it is in.
template <typename Take>
void for_each_session_line(std::string_view text, Take take) {
  std::string_view section;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const SessionLine line = session_line_of(text.substr(0, end));
    if (line.is_section) section = line.key;
    take(section, line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

}  // namespace

IbtSession read_ibt_session(std::string_view text) {
  IbtSession session;
  for_each_session_line(text, [&](std::string_view section, const SessionLine& line) {
    if (section == "WeekendInfo") {
      if (line.key == "TrackName") session.track = utf8_of(line.value);
      if (line.key == "TrackID") session.track_id = utf8_of(line.value);
      if (line.key == "SubSessionID" && line.value != "0") {
        session.sub_session = utf8_of(line.value);
      }
    }
    if (section == "DriverInfo" && line.key == "DriverCarIdx") {
      session.car_index = utf8_of(line.value);
    }
  });
  bool is_ours = false;
  for_each_session_line(text, [&](std::string_view section, const SessionLine& line) {
    if (section != "DriverInfo") return;
    if (line.is_item) is_ours = line.key == "CarIdx" && line.value == session.car_index;
    if (!is_ours) return;
    if (line.key == "UserName") session.driver = utf8_of(line.value);
    if (line.key == "CarScreenName") session.car = utf8_of(line.value);
    if (line.key == "CarNumber") session.car_number = utf8_of(line.value);
  });
  return session;
}

}  // namespace slipstream
