#include "racing/track_sectors.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <boost/unordered/unordered_flat_map.hpp>
#include <cmath>
#include <filesystem>
#include <functional>
#include <vector>

namespace slipstream {

/// A track as its sector table describes it.
struct TrackLayout {
  struct Sector {
    double start_m;
    double end_m;
  };
  double total_m = 0;
  std::vector<Sector> sectors;
};

namespace {

using Sector = TrackLayout::Sector;

struct TextHash {
  using is_transparent = void;
  using is_avalanching = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

TrackLayout equal_thirds(double total_m) {
  const double third = total_m / 3;
  return {total_m, {{0, third}, {third, 2 * third}, {2 * third, total_m}}};
}

/// A reader of one file; `where` is the path to the member at hand, for errors.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  std::unexpected<Error> error(std::string_view where, std::string_view what) const {
    return fail(where.empty() ? fmt::format("{}: {}", path_, what)
                              : fmt::format("{}: {}: {}", path_, where, what));
  }

  Result<double> metres(simdjson::dom::object object, const char* key,
                        const std::string& where) const {
    simdjson::dom::element member;
    if (object.at_key(key).get(member)) {
      return error(where, fmt::format("\"{}\" is missing; expected a number of metres", key));
    }
    double value = 0;
    if (member.get(value)) {
      return error(fmt::format("{}.{}", where, key),
                   fmt::format("expected a number of metres, found {}", simdjson::minify(member)));
    }
    if (!(value >= 0 && value < 1e6)) {
      return error(fmt::format("{}.{}", where, key),
                   fmt::format("{} m is not between 0 and 1000000", value));
    }
    return value;
  }

  Result<Sector> sector(simdjson::dom::element element, const std::string& where,
                        double total_m) const {
    simdjson::dom::object object;
    if (element.get(object)) {
      return error(where, "expected an object with start_m and end_m");
    }
    const auto start = metres(object, "start_m", where);
    if (!start) return std::unexpected(start.error());
    const auto end = metres(object, "end_m", where);
    if (!end) return std::unexpected(end.error());
    if (*end <= *start) {
      return error(where, fmt::format("ends at {} m, not after its start at {} m", *end, *start));
    }
    if (*end > total_m) {
      return error(where, fmt::format("ends at {} m, beyond total_m, {} m", *end, total_m));
    }
    return Sector{*start, *end};
  }

  Result<TrackLayout> track(simdjson::dom::element element, const std::string& where) const {
    simdjson::dom::object object;
    if (element.get(object)) return error(where, "expected an object with total_m and sectors");
    const auto total = metres(object, "total_m", where);
    if (!total) return std::unexpected(total.error());
    if (*total == 0) return error(where + ".total_m", "a track has a length");

    simdjson::dom::array list;
    if (object.at_key("sectors").get(list)) {
      return error(where, "\"sectors\" is missing or no array; expected [{start_m, end_m}, ...]");
    }
    if (list.size() == 0) return error(where + ".sectors", "expected at least one sector");
    if (list.size() > TrackSectors::kMaxSectors) {
      return error(where + ".sectors",
                   fmt::format("{} sectors; at most {}", list.size(), TrackSectors::kMaxSectors));
    }
    TrackLayout track{*total, {}};
    for (auto member : list) {
      const auto place = fmt::format("{}.sectors[{}]", where, track.sectors.size());
      auto next = sector(member, place, *total);
      if (!next) return std::unexpected(next.error());
      if (!track.sectors.empty() && next->start_m < track.sectors.back().end_m) {
        return error(place, fmt::format("starts at {} m, before the end of the one before, {} m",
                                        next->start_m, track.sectors.back().end_m));
      }
      track.sectors.push_back(*next);
    }
    return track;
  }

 private:
  const std::string& path_;
};

/// The track that a thread last looked up: mostly the next one too, and cheaper to compare than to
/// hash.
struct LastTrack {
  std::string_view name;
  const TrackLayout* track = nullptr;
};

std::uint64_t next_version() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

struct TrackSectors::Table {
  std::uint64_t version = next_version();
  boost::unordered_flat_map<std::string, TrackLayout, TextHash, std::equal_to<>> tracks;
  TrackLayout unlisted = equal_thirds(5'000);

  const TrackLayout& find(std::string_view track, LastTrack& last) const {
    if (track == last.name && last.track != nullptr) return *last.track;
    const auto found = tracks.find(track);
    if (found == tracks.end()) return unlisted;
    last = {found->first, &found->second};
    return found->second;
  }
};

std::shared_ptr<const TrackSectors::Table> TrackSectors::built_in() {
  auto table = std::make_shared<Table>();
  const auto add = [&](const char* name, double first_end, double second_end, double total) {
    table->tracks.emplace(
        name, TrackLayout{total, {{0, first_end}, {first_end, second_end}, {second_end, total}}});
  };
  add("barber", 1'277, 2'554, 3'830);
  add("cota", 1'838, 3'676, 5'514);
  add("indianapolis", 1'310, 2'620, 3'930);
  add("road_america", 2'171, 4'343, 6'515);
  add("sebring", 2'006, 4'012, 6'020);
  add("sonoma", 1'066, 2'133, 3'200);
  add("virginia", 2'253, 4'506, 6'760);
  return table;
}

Result<std::shared_ptr<const TrackSectors::Table>> TrackSectors::read(const std::string& path) {
  if (path.empty()) return built_in();
  const Reader reader(path);
  std::error_code status;
  const auto bytes = std::filesystem::file_size(path, status);
  if (status) return reader.error("", "cannot be read: " + status.message());
  if (bytes > kMaxFileBytes) {
    return reader.error("", fmt::format("{} bytes; at most {}", bytes, kMaxFileBytes));
  }
  simdjson::padded_string text;
  if (const auto code = simdjson::padded_string::load(path).get(text)) {
    return reader.error("", fmt::format("cannot be read: {}", simdjson::error_message(code)));
  }
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto code = parser.parse(text).get(root)) {
    return reader.error("", fmt::format("is no valid JSON: {}", simdjson::error_message(code)));
  }
  simdjson::dom::object tracks;
  if (root.get(tracks)) {
    return reader.error("", "expected {\"<track>\": {total_m, sectors}, ...} at the top");
  }
  auto table = std::make_shared<Table>();
  for (const auto member : tracks) {
    const auto where = fmt::format("track \"{}\"", member.key);
    if (member.key.empty()) return reader.error(where, "a track has a name");
    auto track = reader.track(member.value, where);
    if (!track) return std::unexpected(track.error());
    if (!table->tracks.emplace(std::string(member.key), std::move(*track)).second) {
      return reader.error(where, "is listed twice");
    }
    if (table->tracks.size() > kMaxTracks) {
      return reader.error("", fmt::format("more than {} tracks", kMaxTracks));
    }
  }
  return table;
}

TrackSectors::TrackSectors() : TrackSectors(built_in()) {}
TrackSectors::TrackSectors(std::shared_ptr<const Table> table) {
  install(std::move(table));
}
TrackSectors::~TrackSectors() = default;

Result<std::unique_ptr<TrackSectors>> TrackSectors::open(const std::string& path) {
  auto table = read(path);
  if (!table) return std::unexpected(table.error());
  return std::unique_ptr<TrackSectors>(new TrackSectors(std::move(*table)));
}

Result<void> TrackSectors::reload(const std::string& path) {
  auto table = read(path);
  if (!table) return std::unexpected(table.error());
  install(std::move(*table));
  return {};
}

void TrackSectors::install(std::shared_ptr<const Table> table) {
  const std::lock_guard lock(mutex_);
  version_.store(table->version, std::memory_order_release);
  table_ = std::move(table);
}

const TrackLayout& TrackSectors::track(std::string_view name) const {
  // Each thread holds its own reference: a shared count touched for every point would bounce
  // between cores. A replaced table lives until the last thread has looked again.
  thread_local constinit std::uint64_t held_version = 0;
  thread_local constinit const Table* held_table = nullptr;
  thread_local constinit LastTrack last;
  if (held_version != version_.load(std::memory_order_acquire)) [[unlikely]] {
    thread_local std::shared_ptr<const Table> held;
    const std::lock_guard lock(mutex_);
    last = {};
    held = table_;
    held_table = held.get();
    held_version = held->version;
  }
  return held_table->find(name, last);
}

std::int32_t TrackSectors::sector_at(std::string_view name, double lapdist_m) const {
  const auto& sectors = track(name).sectors;
  for (std::size_t i = 0; i + 1 < sectors.size(); ++i) {
    if (lapdist_m >= sectors[i].start_m && lapdist_m < sectors[i].end_m) {
      return static_cast<std::int32_t>(i);
    }
  }
  return static_cast<std::int32_t>(sectors.size()) - 1;
}

std::int32_t TrackSectors::sector_count(std::string_view name) const {
  return static_cast<std::int32_t>(track(name).sectors.size());
}

double TrackSectors::total_m(std::string_view name) const {
  return track(name).total_m;
}

}  // namespace slipstream
