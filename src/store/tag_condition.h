#pragma once
#include <string>

#include "model/tags.h"
#include "store/sqlite.h"

namespace slipstream {

/// What of a rollup's `tags` a filter asks for, as a condition of its own (" AND ...") and its
/// values, from parameter `first` on. SQL has no index for it: it is looked at row by row.
std::string tag_condition(const TagFilter& filter, int first);
/// The filter outlives the statement's use.
void bind_tags(Statement& statement, const TagFilter& filter, int first);

}  // namespace slipstream
