#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>

namespace slipstream {

/// The newest point of each series, for those who do not get every point. Every point has a
/// version, counted from 1; who has seen all up to one is given what came after. Bounded: beyond
/// `max_series` the one heard of longest ago is forgotten. One thread.
class NewestPoints {
 public:
  explicit NewestPoints(std::size_t max_series = 20'000) : max_series_(max_series) {}

  void put(std::uint64_t series_hash, std::string_view json);
  std::uint64_t version() const { return version_; }

  struct Update {
    std::string message;      ///< a telemetry_update
    std::size_t points = 0;   ///< in it
    bool is_complete = true;  ///< false: a series among them was forgotten
  };
  /// The newest of every series that has sent since `version`, and not after `upto`.
  Update since(std::uint64_t version, std::uint64_t upto) const;

 private:
  struct Entry {
    std::uint64_t series_hash;
    std::uint64_t version;
    std::string json;
  };

  const std::size_t max_series_;
  std::uint64_t version_ = 0;
  std::uint64_t forgotten_ = 0;  ///< the newest version that is
  std::list<Entry> entries_;     ///< by version
  boost::unordered_flat_map<std::uint64_t, std::list<Entry>::iterator> by_hash_;
};

}  // namespace slipstream
