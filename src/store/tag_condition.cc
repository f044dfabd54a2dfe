#include "store/tag_condition.h"

#include <fmt/format.h>

namespace slipstream {

std::string tag_condition(const TagFilter& filter, int first) {
  std::string sql;
  for (const auto& wanted : filter.wanted()) {
    // What is cheap to ask comes first: most rows have nothing that looks like it.
    if (wanted.values.size() == 1) sql += fmt::format(" AND instr(tags, ?{})", first++);
    sql += fmt::format(
        " AND EXISTS (SELECT 1 FROM json_each('{{' || tags || '}}') WHERE key = ?{} AND value IN (",
        first++);
    for (std::size_t i = 0; i < wanted.values.size(); ++i) {
      sql += fmt::format("{}?{}", i == 0 ? "" : ",", first++);
    }
    sql += "))";
  }
  return sql;
}

void bind_tags(Statement& statement, const TagFilter& filter, int first) {
  for (const auto& wanted : filter.wanted()) {
    if (wanted.values.size() == 1) statement.bind(first++, wanted.spelled);
    statement.bind(first++, wanted.name);
    for (const auto& value : wanted.values) statement.bind(first++, value);
  }
}

}  // namespace slipstream
