#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "model/point.h"
#include "model/schema.h"
#include "window/definition.h"

namespace slipstream::simulation {

/// A promise that was not kept. Not a std::exception: no part of the server may catch it.
struct Violation {
  std::string what;
};
[[noreturn]] inline void violated(std::string what) {
  throw Violation{std::move(what)};
}

/// What a point carries is random, so that sums of other points do not come out the same.
struct SimPoint {
  std::string track;
  std::string chassis;
  std::int32_t lap = 0;
  std::int32_t sector = 0;
  std::int64_t event_ns = 0;
  std::uint64_t number = 0;  ///< among its machine's points, in the order they were first sent
  bool straggler = false;
  std::uint32_t weight_a = 0;  ///< 24 bits, as weight_b: sums of many are exact
  std::uint32_t weight_b = 0;
  std::uint32_t partition = 0;
  bool lost = false;  ///< in a part of the log that the server said it could not read
  /// Gaps that it was folded again with, after rollups had gone out.
  std::uint64_t gaps = 0;
};
inline constexpr const char* kWeightA = "weight_a";
inline constexpr const char* kWeightB = "weight_b";

/// Points of which a window definition must account in one place.
struct Figures {
  std::uint64_t count = 0;
  std::uint64_t weight_a = 0;
  std::uint64_t weight_b = 0;
  friend bool operator==(const Figures&, const Figures&) = default;
};
/// Definition, track, chassis, lap, sector, start of the window in time.
using Place =
    std::tuple<std::string, std::string, std::string, std::int32_t, std::int32_t, std::int64_t>;
using Table = std::map<Place, Figures>;

std::string text_of(const Place& place);
std::string text_of(const Figures& figures);
/// Where a definition accounts for the point.
Place place_of(const WindowDefinition& definition, const SimPoint& point);

/// What names and fields are numbered by, once for many points.
struct PointFields {
  explicit PointFields(FieldTable& fields)
      : weight_a(*fields.intern(kWeightA)), weight_b(*fields.intern(kWeightB)) {}
  std::uint16_t weight_a;
  std::uint16_t weight_b;
};
/// Puts the point into the batch, as a decoder would have.
void add_point(PointBatch& batch, const SimPoint& from, SourceKind source, ArrivalTime arrival,
               const PointFields& fields);

}  // namespace slipstream::simulation
