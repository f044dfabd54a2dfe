// The routes of recorded laps over a log in memory and a book of laps of the test's own.
#include "app/history_route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "base/json_text.h"
#include "codec/trd_csv.h"
#include "history/recorded_race.h"
#include "net/testing.h"

namespace slipstream {
namespace {

using history_testing::HistoryLog;
using history_testing::RecordedRace;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class LapsOfTest final : public LapBook {
 public:
  Result<LapPage> query_laps(const LapQuery& query) const override {
    LapPage page;
    for (const StoredLap& lap : laps) {
      if (query.track.empty() || lap.lap->activity.track == query.track) page.laps.push_back(lap);
    }
    return page;
  }
  Result<std::optional<StoredLap>> find_lap(std::string_view id) const override {
    for (const StoredLap& lap : laps) {
      if (lap.id == id) return lap;
    }
    return std::nullopt;
  }
  Result<std::vector<StoredSession>> query_sessions(const SessionQuery&) const override {
    return std::vector{session};
  }
  Result<std::vector<SessionExtent>> pinned_extents(std::string_view) const override {
    return std::vector<SessionExtent>();
  }
  Result<std::optional<StoredSession>> find_session(std::string_view id) const override {
    if (id == session.id) return session;
    return std::nullopt;
  }
  Result<std::optional<std::string>> track_line(std::string_view) const override {
    return std::nullopt;
  }

  std::vector<StoredLap> laps;
  StoredSession session;
};

class EqualThirds final : public SectorMap {
 public:
  std::int32_t sector_at(std::string_view, double lapdist_m) const override {
    return lapdist_m < 1'000 ? 0 : lapdist_m < 2'400 ? 1 : 2;
  }
};

class HistoryRoutes : public testing::Test {
 protected:
  HistoryRoutes() {
    book_.laps = race_.laps;
    auto incomplete = std::make_shared<Lap>(*race_.laps[0].lap);
    incomplete->is_complete = false;
    incomplete->lap_time_s.reset();
    StoredLap half = race_.laps[0];
    half.id = "half";
    half.lap = incomplete;
    book_.laps.push_back(half);
    auto elsewhere = std::make_shared<Lap>(*race_.laps[0].lap);
    elsewhere->activity.track = "cota";
    StoredLap other = race_.laps[0];
    other.id = "other-track";
    other.lap = elsewhere;
    book_.laps.push_back(other);
    auto running = std::make_shared<Lap>(*race_.laps[0].lap);
    running->revision = 0;
    running->is_complete = false;
    for (const StoredLap& lap : race_.laps) {  // behind the last that its car completed
      if (lap.lap->activity == running->activity) running->began = lap.lap->ended;
    }
    running->lap = race_.field.reading(0).lap;
    running->ended = history_testing::at(325);
    StoredLap now = race_.laps[0];
    now.id = "running";
    now.lap = running;
    book_.laps.push_back(now);
    book_.session = {.id = "s1",
                     .track = "barber",
                     .started = history_testing::at(0),
                     .ended = history_testing::at(330)};
    auto http = HttpServer::open(io_, {.port = 0});
    EXPECT_TRUE(http);
    http_ = std::move(*http);
    add_history_routes(*http_, {.book = book_,
                                .queries = queries_,
                                .worker = worker_,
                                .history = history_,
                                .sectors = sectors_,
                                .clock = system_clock(),
                                .texts = CsvTexts::kGuarded,
                                .names = {},
                                .session_gap_ns = 600 * kNsPerSecond});
    queries_.start();
    worker_.start();
    io_.start();
    http_->start();
  }
  ~HistoryRoutes() override {
    io_.stop();
    worker_.stop();
    queries_.stop();
  }

  /// Removes segments so that only those from that number on are left.
  void retain(std::size_t from) {
    const auto all = log_.log->synced_segments();
    for (; removed_ < from; ++removed_) {
      const auto path = FileSystem::Path(history_testing::kLogFolder) / all[removed_].name;
      ASSERT_TRUE(log_.files.remove(path));
    }
  }
  std::string ask(const std::string& target, const std::string& headers = "") {
    return net_testing::RawClient(http_->port()).ask(net_testing::get(target, headers));
  }
  /// Large answers come in chunks.
  static std::string unchunked(const std::string& chunks) {
    std::string body;
    for (std::size_t at = 0; at < chunks.size();) {
      const std::size_t line_end = chunks.find("\r\n", at);
      const std::size_t size = std::stoul(chunks.substr(at, line_end - at), nullptr, 16);
      body += chunks.substr(line_end + 2, size);
      at = line_end + 2 + size + 2;
    }
    return body;
  }
  simdjson::dom::element body_of(const std::string& answer) {
    const std::size_t head_end = answer.find("\r\n\r\n") + 4;
    const bool is_chunked = answer.substr(0, head_end).contains("Transfer-Encoding: chunked");
    const std::string body =
        is_chunked ? unchunked(answer.substr(head_end)) : answer.substr(head_end);
    simdjson::dom::element element;
    EXPECT_EQ(parser_.parse(body).get(element), simdjson::SUCCESS) << answer.substr(0, 400);
    return element;
  }
  const std::string& lap(std::size_t i) const { return race_.laps[i].id; }

  HistoryLog log_{{.segment_bytes = 4'000}};
  RecordedRace race_{log_, {}};
  LapsOfTest book_;
  EqualThirds sectors_;
  LapHistory history_{log_.reader(), {}, [](const std::string&, const std::string&) {}};
  HistoryWorker worker_;
  IoThread io_{"io"};
  IoThread queries_{"queries"};
  std::unique_ptr<HttpServer> http_;
  simdjson::dom::parser parser_;
  std::size_t removed_ = 0;
};

TEST_F(HistoryRoutes, ATraceHasItsAxisItsFieldsAndHowMuchThereWas) {
  const auto answer = ask("/api/trace?lap=" + lap(0) + "&fields=speed_kmh&by=distance&points=200");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  const auto body = body_of(answer);
  const std::size_t rows = simdjson::dom::array(body["x"]).size();
  EXPECT_LE(rows, 200u);
  EXPECT_EQ(simdjson::dom::array(body["fields"]["speed_kmh"]).size(), rows);
  EXPECT_EQ(std::string_view(body["x_unit"]), "m");
  EXPECT_EQ(std::uint64_t(body["points"]), rows);
  EXPECT_GT(std::uint64_t(body["of"]), 2'000u);
  EXPECT_EQ(std::string_view(body["lap"]["id"]), lap(0));
}

TEST_F(HistoryRoutes, ATraceIsATableForWhoAsksForOne) {
  const auto answer =
      ask("/api/trace?lap=" + lap(0) + "&fields=speed_kmh&points=2", "Accept: text/csv\r\n");
  EXPECT_THAT(answer, HasSubstr("\r\n\r\ntime_s,speed_kmh\r\n"));
}

TEST_F(HistoryRoutes, AClosedLapsTraceIsNotSentTwice) {
  const std::string target = "/api/trace?lap=" + lap(0) + "&points=10";
  const auto answer = ask(target);
  const std::size_t at = answer.find("ETag: ");
  ASSERT_NE(at, answer.npos);
  const std::string tag = answer.substr(at + 6, answer.find("\r\n", at) - at - 6);
  const auto again = ask(target, "If-None-Match: " + tag + "\r\n");
  EXPECT_THAT(again, StartsWith("HTTP/1.1 304"));
  EXPECT_THAT(ask(target + "0", "If-None-Match: " + tag + "\r\n"), StartsWith("HTTP/1.1 200"));
  for (const std::string& tags : {std::string("*"), "\"a\", W/" + tag, tag + " ,\"b\""}) {
    EXPECT_THAT(ask(target, "If-None-Match: " + tags + "\r\n"), StartsWith("HTTP/1.1 304")) << tags;
  }
  EXPECT_THAT(ask(target, "If-None-Match: \"a\", \"b\"\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask("/api/trace?lap=running"), Not(HasSubstr("ETag")));
}

TEST_F(HistoryRoutes, WhatIsGoneOfALapIsToldAndNothingIsMadeOfTheRest) {
  const std::size_t segments = log_.log->synced_segments().size();
  ASSERT_GT(segments, 8u);
  const std::string target = "/api/trace?lap=" + lap(0) + "&fields=speed_kmh&points=10";
  const auto whole = body_of(ask(target));
  const std::uint64_t had = std::uint64_t(whole["of"]);
  EXPECT_EQ(had, race_.laps[0].lap->points);
  const Lap& first = *race_.laps[0].lap;
  const double middle_s =
      static_cast<double>((first.began.ns + first.ended.ns) / 2 - history_testing::kStartNs) * 1e-9;
  retain(static_cast<std::size_t>(static_cast<double>(segments) * middle_s / 330));
  const auto answer = ask(target);
  EXPECT_THAT(answer, Not(HasSubstr("ETag")));
  const auto part = body_of(answer);
  EXPECT_EQ(std::uint64_t(part["lost"]), had - std::uint64_t(part["of"]));
  EXPECT_GT(std::uint64_t(part["lost"]), 0u);
  EXPECT_TRUE(part["gone_before"].is_string());
  const auto table = ask(target, "Accept: text/csv\r\n");
  EXPECT_THAT(table, HasSubstr("\r\nX-Lost: "));
  EXPECT_THAT(table, HasSubstr("\r\nX-Gone-Before: "));
  for (const std::string& refused :
       {"/api/compare?laps=" + race_.laps.back().id + "," + lap(0), target + "&by=position"}) {
    const auto why = ask(refused);
    EXPECT_THAT(why,
                StartsWith(refused == target + "&by=position" ? "HTTP/1.1 410" : "HTTP/1.1 409"));
    EXPECT_THAT(why, HasSubstr("no_history"));
    EXPECT_THAT(why, HasSubstr("retention"));
  }
  // A lap behind it is whole, and says nothing.
  const auto later = ask("/api/trace?lap=" + race_.laps.back().id + "&points=10");
  EXPECT_THAT(later, HasSubstr("ETag"));
  EXPECT_THAT(later, Not(HasSubstr("gone_before")));
  const auto range =
      "/api/trace?session=s1&points=10&chassis=" + race_.laps[0].lap->activity.chassis;
  EXPECT_THAT(ask(range), HasSubstr("gone_before"));

  retain(segments);
  EXPECT_THAT(ask(target), StartsWith("HTTP/1.1 410"));
  EXPECT_THAT(ask(target), HasSubstr("no_history"));
}

TEST_F(HistoryRoutes, OfALiveSessionARangeGoesToNow) {
  const EventTime now{system_clock().now().ns};
  const double now_s = static_cast<double>(now.ns - history_testing::kStartNs) * 1e-9;
  for (const double before : {30.0, 20.0, 5.0}) {
    log_.add({{.chassis = "now", .time_s = now_s - before, .values = {{"speed_kmh", 100}}}});
  }
  book_.session.started = {now.ns - 60 * kNsPerSecond};
  book_.session.ended = {now.ns - 15 * kNsPerSecond};  // as it was told last
  const auto target = "/api/trace?session=s1&chassis=now&points=0";
  EXPECT_EQ(std::uint64_t(body_of(ask(target))["of"]), 3u);
  book_.session.started = {now.ns - 7'000 * kNsPerSecond};
  book_.session.ended = {now.ns - 900 * kNsPerSecond};
  EXPECT_EQ(std::uint64_t(body_of(ask(target))["of"]), 0u);
}

TEST_F(HistoryRoutes, TheLapThatIsBeingDrivenAndARangeAreTracedToo) {
  EXPECT_GT(std::uint64_t(body_of(ask("/api/trace?lap=running"))["of"]), 200u);
  const std::string chassis = race_.laps[0].lap->activity.chassis;
  EXPECT_GT(std::uint64_t(body_of(ask("/api/trace?session=s1&chassis=" + chassis))["of"]), 8'000u);
}

TEST_F(HistoryRoutes, AComparisonBeginsAtNothingAndEndsWithTheDifference) {
  const auto body = body_of(ask("/api/compare?laps=" + lap(0) + "," + lap(1) + "&step=50"));
  const auto laps = simdjson::dom::array(body["laps"]);
  ASSERT_EQ(laps.size(), 2u);
  const auto deltas = simdjson::dom::array(laps.at(1)["delta_s"]);
  EXPECT_EQ(double(deltas.at(0)), 0);
  EXPECT_NEAR(double(deltas.at(deltas.size() - 1)),
              *race_.laps[1].lap->lap_time_s - *race_.laps[0].lap->lap_time_s, 1e-5);
  EXPECT_EQ(deltas.size(), simdjson::dom::array(body["x"]).size());
}

TEST_F(HistoryRoutes, ATracksLineHasItsFrameAndItsSectors) {
  const auto body = body_of(ask("/api/track/barber"));
  EXPECT_EQ(std::string_view(body["name"]), "barber");
  EXPECT_EQ(std::string_view(body["frame"]), "gps");
  EXPECT_NEAR(double(body["length_m"]), 3'830, 19);
  EXPECT_GT(simdjson::dom::array(body["line"]).size(), 1'000u);
  const auto sectors = simdjson::dom::array(body["sectors"]);
  ASSERT_EQ(sectors.size(), 3u);
  EXPECT_EQ(double(sectors.at(1)["from_m"]), 1'000);
  EXPECT_EQ(double(sectors.at(1)["to_m"]), 2'400);
}

TEST_F(HistoryRoutes, WhatCannotBeAnsweredIsToldWhy) {
  const std::string seven = "a,b,c,d,e,f,g";
  const struct {
    std::string target;
    std::string status;
    std::string why;
  } cases[] = {
      {"/api/trace?lap=nobody", "404", "unknown_lap"},
      {"/api/trace?session=nobody&chassis=a", "404", "unknown_session"},
      {"/api/trace", "400", "lap=ID"},
      {"/api/trace?lap=half&session=s1", "400", "lap=ID"},
      {"/api/trace?session=s1", "400", "chassis="},
      {"/api/trace?lap=" + lap(0) + "&by=luck", "400", "by:"},
      {"/api/trace?lap=" + lap(0) + "&points=1", "400", "points"},
      {"/api/trace?lap=" + lap(0) + "&points=-5", "400", "points"},
      {"/api/trace?lap=" + lap(0) + "&fields=", "400", "fields"},
      {"/api/trace?lap=" + lap(0) + "&fields=speed", "400", "there is no field"},
      {"/api/trace?lap=" + lap(0) + "&fields=lapdist_n", "400", "lapdist_m"},
      {"/api/trace?lap=half&by=position", "409", "incomplete_lap"},
      {"/api/trace?session=s1&chassis=a&by=position", "400", "lap=ID"},
      {"/api/trace?session=s1&chassis=a&from=yesterday", "400", "from"},
      {"/api/compare", "400", "laps"},
      {"/api/compare?laps=" + seven, "400", "at most 6"},
      {"/api/compare?laps=" + lap(0) + ",nobody", "404", "unknown_lap"},
      {"/api/compare?laps=" + lap(0) + ",half", "409", "incomplete_lap"},
      {"/api/compare?laps=" + lap(0) + ",other-track", "400", "another track"},
      {"/api/compare?laps=" + lap(0) + "&step=0", "400", "step"},
      {"/api/compare?laps=" + lap(0) + "&step=nan", "400", "step"},
      {"/api/track/monza", "404", "unknown_track"},
  };
  for (const auto& c : cases) {
    const auto answer = ask(c.target);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + c.status)) << c.target;
    EXPECT_THAT(answer, HasSubstr(c.why)) << c.target;
  }
}

TEST(HistoryWorkers, TooManyQuestionsAreTurnedAwayAndThoseThatWaitAreTold) {
  HistoryWorker worker;
  std::size_t given_up = 0;
  const auto job = [&](const std::stop_token& stop) { given_up += stop.stop_requested() ? 1 : 0; };
  for (std::size_t i = 0; i < HistoryWorker::kMaxWaiting; ++i) EXPECT_TRUE(worker.post(job));
  EXPECT_FALSE(worker.post(job));
  EXPECT_EQ(worker.stats().turned_away.value(), 1u);
  worker.start();
  worker.stop();
  EXPECT_EQ(worker.stats().queries.value(), HistoryWorker::kMaxWaiting);
}

}  // namespace
}  // namespace slipstream
