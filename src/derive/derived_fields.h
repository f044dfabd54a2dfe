#pragma once
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "derive/expression.h"
#include "model/point.h"
#include "model/schema.h"

namespace slipstream {

/// Something wrong with one of a list of expressions.
struct ListedFault {
  std::size_t number = 0;  ///< in the list
  std::string what = {};
};

/// Of the schema's derived fields, which can be compiled, those that a point tells alone: none of
/// them, nor of those that they are made of, remembers other points, or asks for the lap or the
/// sector, which may be put in later.
std::vector<DerivedField> derived_of_a_point_alone(Schema& schema);

/// The derived fields of the configuration, computed from each point: a function of the points of a
/// series in their order. One may use those declared before it. A point that has a field of a
/// derived one's name keeps its own.
/// Threads: one.
class DerivedFields {
 public:
  static constexpr std::size_t kMost = 256;

  /// Those that `schema` asks for; it outlives them. Every fault is told.
  static std::expected<std::unique_ptr<DerivedFields>, std::vector<ListedFault>> compile(
      Schema& schema);

  /// Those that they are made of, and they themselves.
  std::vector<FieldId> inputs() const { return inputs_.fields(); }
  bool is_empty() const { return fields_.empty(); }
  /// Some of them remember points of their series.
  bool remembers() const { return !fresh_.empty(); }

  /// Of a series; made anew when nothing is known of it.
  FunctionMemories fresh() const { return fresh_; }
  void save(const FunctionMemories& memories, std::string& out) const;
  /// What is saved of expressions that are not there any more, or are others now, is let go.
  Result<void> restore(std::string_view bytes, FunctionMemories& memories) const;

  /// Appends the fields' values to the point's. `members`: gets what is appended as members of
  /// JSON, each behind a comma; nullptr: nobody asks. The number of values for which the point had
  /// no room.
  std::size_t compute(PointBatch& batch, Point& point, FunctionMemories& memories,
                      std::string* members);

 private:
  struct Field {
    Expression expression;
    PointInputs::Slot slot;
    FieldId id;
    std::string member;  ///< ,"name":
    std::size_t first_memory;
    std::uint64_t key;  ///< of its expression, and of those that this one uses
  };
  explicit DerivedFields(Schema& schema) : inputs_(schema) {}

  PointInputs inputs_;
  std::vector<Field> fields_;
  FunctionMemories fresh_;
  std::vector<Value> computed_;
};

}  // namespace slipstream
