#include "app/rollups_route.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "app/query_values.h"
#include "app/rollups_page.h"
#include "codec/event_time.h"
#include "net/accept.h"

namespace slipstream {
namespace {

/// A time in a query: ISO 8601, or a number as in a point.
Result<EventTime> to_time(std::string_view name, std::string_view text) {
  if (const auto time = time_from_text(text)) return *time;
  return fail(fmt::format("{} must be an ISO 8601 time or a number since 1970", name));
}

Result<RollupQuery> rollup_query(const HttpRequest& request) {
  RollupQuery query;
  for (const auto& [name, value] : request.query) {
    if (name == "window") {
      query.window = value;
    } else if (name == "track") {
      query.track = value;
    } else if (name == "chassis") {
      query.chassis = value;
    } else if (name == "cursor") {
      query.cursor = value;
    } else if (name == "lap") {
      const auto lap = to_number<std::int32_t>(name, value, 0, Schema::kMaxLap);
      if (!lap) return std::unexpected(lap.error());
      query.lap = *lap;
    } else if (name == "limit") {
      const auto limit = to_number<std::size_t>(name, value, 1, 1'000);
      if (!limit) return std::unexpected(limit.error());
      query.limit = *limit;
    } else if (name == "from" || name == "to") {
      const auto time = to_time(name, value);
      if (!time) return std::unexpected(time.error());
      (name == "from" ? query.from : query.to) = *time;
    }
  }
  return query;
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

HttpResponse failure(const Error& error) {
  switch (error.code) {
    case ErrorCode::kRefused:
      return error_response(400, error.message);
    case ErrorCode::kCorrupt:
      return error_response(
          500, fmt::format("the store is damaged: {}: {}", error.message, kStoreDamageAdvice));
    default:
      return error_response(503, "the store cannot be read: " + error.message);
  }
}

/// On the queries thread, turn by turn.
void begin_answer(IoThread& queries, const std::shared_ptr<RollupsAnswer>& answer,
                  const std::function<void(HttpResponse)>& respond) {
  const auto is_ready = answer->prepare();
  if (!is_ready) {
    respond(failure(is_ready.error()));
    return;
  }
  if (!*is_ready) {
    queries.post([&queries, answer, respond] { begin_answer(queries, answer, respond); });
    return;
  }
  auto first = answer->next_piece();
  if (!first) {
    respond(failure(first.error()));
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
  static constexpr std::string_view kTypes[] = {"application/json", "text/csv"};
  const bool as_csv = accepted_type(request.headers, kTypes) == 1;
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
             {.scope = Scope::kRead});
}

}  // namespace slipstream
