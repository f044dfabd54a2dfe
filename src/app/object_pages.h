#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/rollups_csv.h"
#include "net/http.h"

namespace slipstream {

/// `{"NAME":[...]`, to be closed by the caller. Objects are JSON.
std::string list_json(std::string_view name, const std::vector<std::string>& objects);
/// A page of a list; `next`: the cursor of the page behind it, null where there is none.
HttpResponse page_json(std::string_view name, const std::vector<std::string>& objects,
                       const std::optional<std::string>& next);
/// The same as a table, the cursor in X-Next-Cursor. `any`: an object whose members are columns of
/// every page; behind them come what else the objects have.
HttpResponse page_csv(std::string_view any, const std::vector<std::string>& objects, CsvTexts texts,
                      const std::optional<std::string>& next = {});

}  // namespace slipstream
