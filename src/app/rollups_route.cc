#include "app/rollups_route.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "app/query_parameters.h"
#include "app/query_values.h"
#include "app/rollups_page.h"
#include "broadcast/client_message.h"
#include "broadcast/filter.h"
#include "net/accept.h"

namespace slipstream {
namespace {

constexpr QueryParameter<RollupQuery> kRollupParameters[] = {
    {"window", set_text<&RollupQuery::window>},
    {"track", set_text<&RollupQuery::track>},
    {"chassis", set_text<&RollupQuery::chassis>},
    {"lap", set_number<&RollupQuery::lap, std::int32_t{0}, Schema::kMaxLap>},
    {"from", set_time<&RollupQuery::from>},
    {"to", set_time<&RollupQuery::to>},
    {"limit", set_limit<&RollupQuery::limit>},
    {"cursor", set_text<&RollupQuery::cursor>},
};

std::vector<std::string_view> parameter_names() {
  std::vector<std::string_view> names = names_of(kRollupParameters);
  names.push_back(kFieldsParameter);
  names.push_back(kTagParameters);
  return names;
}

/// Of a request whose parameters are all known.
Result<RollupQuery> rollup_query(const HttpRequest& request) {
  RollupQuery query;
  for (const auto& [name, value] : request.query) {
    const auto* const known =
        std::ranges::find(kRollupParameters, name, &QueryParameter<RollupQuery>::name);
    // What the route does not name the server refuses; tags come below.
    if (known == std::end(kRollupParameters)) continue;
    if (auto set = known->set(query, name, value); !set) return std::unexpected(set.error());
  }
  auto tags = tag_filter(request);
  if (!tags) return std::unexpected(tags.error());
  query.tags = std::move(*tags);
  return query;
}

/// The same rollups, of whose statistics only those of the fields are left.
ReadRollups with_fields(ReadRollups read, const Filter& fields) {
  if (fields.fields.empty()) return read;
  const auto projection = std::make_shared<Projection>(fields, std::vector<std::string>{});
  return [read = std::move(read), projection](const RollupQuery& query) {
    auto page = read(query);
    if (!page) return page;
    std::string kept;
    for (std::string& rollup : page->rollups) {
      kept.clear();
      projection->append_rollup(kept, rollup);
      rollup = kept;
    }
    return page;
  };
}

/// What remains of an answer whose first piece is sent as its beginning.
class RollupsBody final : public BodySource {
 public:
  RollupsBody(IoThread& queries, std::shared_ptr<RollupsAnswer> answer, std::string first)
      : queries_(queries), answer_(std::move(answer)), first_(std::move(first)) {}

  void next(PieceTaker give) override {
    if (!first_.empty()) {
      give(std::exchange(first_, {}));
      return;
    }
    queries_.post([answer = answer_, give = std::move(give)] { give(answer->next_piece()); });
  }

 private:
  IoThread& queries_;
  const std::shared_ptr<RollupsAnswer> answer_;
  std::string first_;
};

/// On the queries thread, turn by turn.
void begin_answer(IoThread& queries, const std::shared_ptr<RollupsAnswer>& answer,
                  const std::function<void(HttpResponse)>& respond) {
  const auto is_ready = answer->prepare();
  if (!is_ready) {
    respond(failed_read(is_ready.error()));
    return;
  }
  if (!*is_ready) {
    queries.post([&queries, answer, respond] { begin_answer(queries, answer, respond); });
    return;
  }
  auto first = answer->next_piece();
  if (!first) {
    respond(failed_read(first.error()));
    return;
  }
  HttpResponse response;
  if (answer->is_whole()) {
    response.body = std::move(*first);
  } else {
    response.source = std::make_shared<RollupsBody>(queries, answer, std::move(*first));
  }
  respond(std::move(response));
}

void begin_table(IoThread& queries, const std::shared_ptr<RollupsTable>& table,
                 const HttpResponder& respond) {
  begin_answer(queries, table, [table, respond](HttpResponse response) {
    if (response.status == 200) {
      response.content_type = "text/csv";
      const auto& next = table->next_cursor();
      if (next) response.headers.emplace_back("X-Next-Cursor", *next);
    }
    respond(std::move(response));
  });
}

/// On the I/O thread.
void answer_rollups(const RollupsRouteParts& parts, const HttpRequest& request,
                    const HttpResponder& respond) {
  const auto query = rollup_query(request);
  if (!query) {
    respond(error_response(400, query.error().message));
    return;
  }
  auto fields = asked_fields(request);
  if (!fields) {
    respond(error_response(400, fields.error().message));
    return;
  }
  const bool as_csv = wants_table(request);
  const auto& windows = parts.windows;
  const auto window = std::ranges::find(windows, query->window, &WindowDefinition::name);
  if (!query->window.empty() && window == windows.end()) {
    std::string known;
    for (const auto& w : windows) known += (known.empty() ? "" : ", ") + w.name;
    respond(error_response(400, fmt::format("no such window; there are: {}", known)));
    return;
  }
  ReadRollups read = [&memory = parts.memory](const RollupQuery& q) { return memory.query(q); };
  if (query->window.empty() || window->stored) {
    read = [&store = parts.store](const RollupQuery& q) { return store.query(q); };
  }
  // Of which fields statistics are wanted; none: all.
  Filter filter;
  filter.fields = std::move(*fields);
  read = with_fields(std::move(read), filter);
  parts.queries.post([parts, query = *query, as_csv, read = std::move(read), respond] {
    if (!as_csv) {
      begin_answer(parts.queries, std::make_shared<RollupsJson>(read, query), respond);
      return;
    }
    begin_table(parts.queries, std::make_shared<RollupsTable>(read, query, parts.texts), respond);
  });
}

}  // namespace

void add_rollups_route(HttpServer& http, const RollupsRouteParts& parts) {
  http.route("GET", "/api/rollups",
             [parts](const HttpRequest& request, const HttpResponder& respond) {
               answer_rollups(parts, request, respond);
             },
             {.scope = Scope::kRead, .parameters = {.names = parameter_names()}});
}

}  // namespace slipstream
