#pragma once
#include <string>
#include <string_view>

namespace slipstream {

/// What the session's text of an `.ibt` says of where and who: as UTF-8, empty where it does not.
struct IbtSession {
  std::string track;        ///< iRacing's short name: "okayama full"
  std::string track_id;     ///< its number
  std::string sub_session;  ///< the number of the race weekend; empty: it was driven alone
  std::string car_index;    ///< of the recorded car, among all
  std::string driver;
  std::string car;         ///< "Global Mazda MX-5 Cup"
  std::string car_number;  ///< "007"
};

/// The text is read line by line, not as YAML: names that drivers gave themselves make it none.
IbtSession read_ibt_session(std::string_view text);

}  // namespace slipstream
