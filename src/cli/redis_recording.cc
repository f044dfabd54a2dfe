#include "cli/redis_recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <ranges>
#include <utility>

#include "codec/mark_json.h"
#include "redis_streams/stream_names.h"

namespace slipstream {
namespace {

constexpr std::string_view kPage = "200";
constexpr std::size_t kMaxErrors = 10;
constexpr std::uint64_t kYear2000Ms = 946'684'800'000;
constexpr std::uint64_t kLatestMs = std::numeric_limits<std::int64_t>::max() / kNsPerMs;

/// Old points are as good as new ones.
SchemaOptions lenient(SchemaOptions options) {
  options.future_skew_ms = std::numeric_limits<std::int64_t>::max() / kNsPerSecond;
  return options;
}

Result<RedisReply> ask(RedisServers& servers, const std::string& stream,
                       std::initializer_list<std::string_view> command,
                       RedisServers::OnLoss on_loss) {
  auto reply = servers.call(stream, command, redis_deadline_in(kRedisAnswerLimit), on_loss);
  if (!reply) return fail(reply.error().message);
  if (reply->view().is_error()) {
    return fail(fmt::format("{}: {}", stream, reply->view().text()));
  }
  return std::move(*reply);
}

}  // namespace

Result<EntryId> RedisRecording::parse_id(const std::string& text) {
  if (const auto id = EntryId::parse(text)) return *id;
  if (const auto id = EntryId::parse(text + "-0")) return *id;
  return fail(fmt::format("--from {}: an entry's id such as 1757032100000-0 is expected", text));
}

RedisRecording::RedisRecording(std::unique_ptr<RedisServers> servers, const SchemaOptions& schema)
    : servers_(std::move(servers)), schema_(lenient(schema)) {}

Result<std::unique_ptr<RedisRecording>> RedisRecording::open(const RedisStreamUrl& url,
                                                             const Config& config,
                                                             Options options) {
  std::unique_ptr<RedisRecording> recording(
      new RedisRecording(open_redis(url.server, config.redis), config.schema));
  const StreamNames names{.telemetry = url.stream, .partitions = options.partitions};
  for (std::uint32_t p = 0; p < options.partitions; ++p) {
    auto added = recording->add_source(stream_keys(names, p).telemetry, p, options.from);
    if (!added) return std::unexpected(added.error());
  }
  if (recording->sources_.empty()) {
    return fail(fmt::format("{} has no entries from {} on", url.stream, options.from.text()));
  }
  return recording;
}

Result<void> RedisRecording::add_source(std::string stream, std::uint32_t partition, EntryId from) {
  // The first question is not asked again: a server that is not there is said at once.
  const auto last = ask(*servers_, stream, {"XREVRANGE", stream, "+", "-", "COUNT", "1"},
                        RedisServers::OnLoss::kFail);
  if (!last) return std::unexpected(last.error());
  if (last->view().size() == 0) return {};
  const auto first = ask(*servers_, stream, {"XRANGE", stream, "-", "+", "COUNT", "1"},
                         RedisServers::OnLoss::kRetry);
  if (!first) return std::unexpected(first.error());
  const auto length = ask(*servers_, stream, {"XLEN", stream}, RedisServers::OnLoss::kRetry);
  if (!length) return std::unexpected(length.error());
  const auto end = EntryId::parse(last->view()[0][0].text()).value_or(EntryId{});
  const auto begin = EntryId::parse(first->view()[0][0].text()).value_or(EntryId{});
  if (from > end) return {};
  double share = 1;
  if (from > begin) {
    share = static_cast<double>(end.ms - from.ms + 1) / static_cast<double>(end.ms - begin.ms + 1);
  }
  entries_ += static_cast<std::uint64_t>(static_cast<double>(length->view().integer()) * share);
  sources_.push_back(
      {.stream = std::move(stream),
       .decoder = std::make_unique<EntryDecoder>(schema_, stats_, pool_, "replay", partition),
       .after = from.text(),
       .end = end.text()});
  return {};
}

Result<void> RedisRecording::fill(Source& source) {
  if (source.is_done || source.at < source.page.view().size()) return {};
  auto page = ask(*servers_, source.stream,
                  {"XRANGE", source.stream, source.after, source.end, "COUNT", kPage},
                  RedisServers::OnLoss::kRetry);
  if (!page) return std::unexpected(page.error());
  source.page = std::move(*page);
  source.at = 0;
  const ReplyView entries = source.page.view();
  source.is_done = entries.size() == 0;
  if (!source.is_done) source.after = fmt::format("({}", entries[entries.size() - 1][0].text());
  return {};
}

/// Whose next entry has the least id; nullptr: all are at their ends.
Result<RedisRecording::Source*> RedisRecording::oldest() {
  Source* least = nullptr;
  EntryId least_id;
  for (auto& source : sources_) {
    if (auto filled = fill(source); !filled) return std::unexpected(filled.error());
    if (source.is_done) continue;
    const auto id = EntryId::parse(source.page.view()[source.at][0].text()).value_or(EntryId{});
    if (least != nullptr && id >= least_id) continue;
    least = &source;
    least_id = id;
  }
  return least;
}

void RedisRecording::decode(Source& source) {
  const ReplyView entry = source.page.view()[source.at++];
  const auto id = EntryId::parse(entry[0].text()).value_or(EntryId{});
  const ArrivalTime now = system_clock().now();
  const bool tells_time = id.ms >= kYear2000Ms && id.ms <= kLatestMs;
  written_ns_ = tells_time ? static_cast<std::int64_t>(id.ms) * kNsPerMs : 0;
  EntryDecoder& decoder = *source.decoder;
  decoder.decode(id, entry[1], now, {tells_time ? written_ns_ : now.ns});
  decoder.cut();
  batches_ = std::exchange(decoder.batches(), {});
  for (const auto& dead : batches_ | std::views::transform(&EntryBatch::dead) | std::views::join) {
    ++refused_[std::string(dead.reason)];
    if (errors_.size() == kMaxErrors) continue;
    errors_.push_back(
        fmt::format("entry {}: {}: {}", EntryId::at(dead.at).text(), dead.reason, dead.message));
  }
  std::erase_if(batches_, [](const EntryBatch& entries) {
    return entries.batch == nullptr && (!entries.mark.mark || entries.mark.is_copy);
  });
  batch_ = 0;
  point_ = 0;
  ++entries_done_;
}

Result<std::optional<RedisRecording::Point>> RedisRecording::next() {
  while (true) {
    while (batch_ < batches_.size()) {
      if (const MarkPtr& mark = batches_[batch_].mark.mark) {
        ++batch_;
        return take(*mark);
      }
      PointBatchPtr& batch = batches_[batch_].batch;
      if (point_ < batch->points.size()) {
        const auto& point = batch->points[point_++];
        return Point{written_ns_ != 0 ? written_ns_ : point.event_time.ns, batch->json(point)};
      }
      pool_.put(std::move(batch));
      ++batch_;
      point_ = 0;
    }
    batches_.clear();
    batch_ = 0;
    const auto source = oldest();
    if (!source) return std::unexpected(source.error());
    if (*source == nullptr) return std::nullopt;
    decode(**source);
  }
}

RedisRecording::Point RedisRecording::take(const Mark& mark) {
  mark_json_.clear();
  append_mark_json(mark_json_, mark);
  return {written_ns_ != 0 ? written_ns_ : mark.time.ns, mark_json_, true};
}

}  // namespace slipstream
