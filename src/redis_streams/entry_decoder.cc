#include "redis_streams/entry_decoder.h"

#include <simdjson.h>

#include <algorithm>
#include <memory>

#include "base/json_text.h"
#include "codec/csv_text.h"

namespace slipstream {
namespace {

constexpr std::string_view kTraceField = "traceparent";

/// What is a number of a mark; the rest are texts.
constexpr std::string_view kNumbersOfMarks[] = {"time", "session_time_s", "to_session_time_s",
                                                "frame"};

static_assert(RedisReply::kTextPadding >= JsonDecoder::kPadding);

std::vector<std::pair<std::string, std::string>> copy_of(const ReplyView& fields) {
  std::vector<std::pair<std::string, std::string>> copy;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    copy.emplace_back(fields[i].text(), fields[i + 1].text());
  }
  return copy;
}

}  // namespace

/// Makes dead entries of what the decoder refuses.
class EntryDecoder::Refusals final : public RejectionSink {
 public:
  Refusals(EntryDecoder& decoder, EntryId id) : decoder_(decoder), id_(id) {}

  void rejected(std::size_t, const Rejection& rejection, std::string_view sample) override {
    ++decoder_.refused_;
    if (decoder_.is_counting_) decoder_.stats_.reject(SourceKind::kRedis, rejection.reason);
    decoder_.open_.dead.push_back({.at = id_.position(),
                                   .reason = std::string(to_string(rejection.reason)),
                                   .message = rejection.message,
                                   .fields = {{"data", std::string(sample)}}});
  }

 private:
  EntryDecoder& decoder_;
  const EntryId id_;
};

EntryDecoder::EntryDecoder(Schema& schema, IngestStats& stats, BatchPool& pool,
                           std::string instance, std::uint32_t partition, Tracer* tracer)
    : schema_(schema),
      stats_(stats),
      writer_(1, pool),
      builder_(schema, stats_, writer_),
      instance_(std::move(instance)),
      partition_(partition),
      tracer_(tracer) {
  builder_.send_marks_to(*this);
}

EntryDecoder::Given EntryDecoder::given_in(const ReplyView& fields) {
  Given given;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    const std::string_view name = fields[i].text();
    if (name == "data" || (name == "points" && !given.has_text)) {
      given.data = fields[i + 1].text();
      given.has_text = true;
      given.has_many = name == "points";
    } else if (name == "from") {
      given.from = fields[i + 1].text();
    } else if (name == kTraceField) {
      given.traceparent = fields[i + 1].text();
    }
  }
  return given;
}

void EntryDecoder::decode(EntryId id, const ReplyView& fields, ArrivalTime now, EventTime written) {
  const Given given = given_in(fields);
  const bool is_own = given.has_many && given.from == instance_;
  is_from_ = given.has_many && !given.from.empty();
  if (is_own != open_.is_own) cut();
  if (tracer_ != nullptr && is_counting_) begin_trace(given);
  open_.is_own = is_own;
  enter(id);
  marks_ = 0;
  refused_ = 0;
  const std::string_view text = given.has_text ? given.data : flat_object(fields);
  const TextOrigin origin{.source = SourceKind::kRedis,
                          .arrival = now,
                          .written = written,
                          .is_admitted = is_from_,
                          .is_counted = is_counting_};
  Refusals refusals(*this, id);
  std::size_t points = 0;
  if (!given.has_text && !simdjson::validate_utf8(text.data(), text.size())) {
    points = 1;
    refusals.rejected(0, {RejectReason::kMalformedJson, "a field's name or value is no UTF-8"}, {});
  } else {
    points = given.has_many ? json_.decode_lines(text, origin, refusals)
                            : json_.decode(text, origin, refusals);
  }
  if (points == 0 && marks_ == 0) {
    points = 1;
    refusals.rejected(0, {RejectReason::kEmpty, "the entry holds no point"}, {});
  }
  if (points == 1 && marks_ == 0 && refused_ > 0) open_.dead.back().fields = copy_of(fields);
  if (is_counting_) {
    auto& counts = stats_.of(SourceKind::kRedis);
    counts.received.add(points);
    counts.accepted.add(points - refused_);
  }
  leave();
  const PointBatchPtr& open = writer_.open().front();
  if (sampled_ || (open && open->points.size() >= kPointsPerBatch)) cut();
  if (sampled_) end_trace(now, points - refused_);
}

void EntryDecoder::begin_trace(const Given& given) {
  SampledTracePtr sampled =
      is_from_ ? tracer_->go_on(given.traceparent) : tracer_->begin(given.traceparent);
  if (!sampled) return;
  cut();  // the entries before it are none of its trace
  sampled_ = std::move(sampled);
  decoding_since_ = sampled_->now();
}

/// `receive` and `decode` of what an instance wrote are that one's.
void EntryDecoder::end_trace(ArrivalTime received, std::size_t points) {
  const SampledTracePtr sampled = std::exchange(sampled_, nullptr);
  if (is_from_) return;
  const std::int64_t now = sampled->now();
  const bool is_dead = points == 0 && marks_ == 0;
  sampled->child(kDecodeSpan, {decoding_since_, now}, {{kPointsAttribute, attribute_of(points)}},
                 is_dead ? "the entry holds nothing that can be taken" : "");
  constexpr auto kRedis = static_cast<std::size_t>(SourceKind::kRedis);
  sampled->root(kReceiveSpan, SpanKind::kConsumer, {received.ns, now},
                {{kSourceAttribute, std::string(kSourceNames[kRedis])},
                 {kPointsAttribute, attribute_of(points)},
                 {kPartitionAttribute, attribute_of(partition_)}});
}

void EntryDecoder::accept(const Mark& mark) {
  const EntryPosition entry = open_.last.entry;
  if (holds_any()) push_open(EntryPlace::before_mark(entry, marks_));
  open_.mark = {.mark = std::make_shared<const Mark>(mark), .is_copy = is_from_ && partition_ != 0};
  push_open(EntryPlace::behind_mark(entry, marks_++));
  // An instance's was counted where it came in.
  if (is_counting_ && !is_from_) stats_.marks.add();
}

void EntryDecoder::enter(EntryId id) {
  open_.last = {id.position()};
}

void EntryDecoder::leave() {
  ++open_.entries;
}

void EntryDecoder::pass(EntryId id) {
  enter(id);
  leave();
}

void EntryDecoder::bury(EntryId id, const ReplyView& fields, std::string reason,
                        std::string message) {
  pass(id);
  open_.dead.push_back({.at = id.position(),
                        .reason = std::move(reason),
                        .message = std::move(message),
                        .fields = copy_of(fields)});
}

bool EntryDecoder::holds_any() {
  const PointBatchPtr& points = writer_.open().front();
  return is_open() || !open_.dead.empty() || (points && !points->points.empty());
}

void EntryDecoder::cut() {
  if (is_open()) push_open(open_.last);
}

void EntryDecoder::push_open(EntryPlace last) {
  PointBatchPtr& points = writer_.open().front();
  if (points && !points->points.empty()) {
    open_.batch = std::move(points);
    open_.batch->partition = partition_;
    open_.batch->sampled = sampled_;
  }
  const EntryPlace end = std::exchange(open_.last, last);
  batches_.push_back(std::exchange(open_, {.is_own = open_.is_own, .last = end}));
}

std::string_view EntryDecoder::flat_object(const ReplyView& fields) {
  text_.assign(1, '{');
  const bool is_mark = fields.member("type").text() == "mark";
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i].text() == kTraceField) continue;
    append_member(fields[i].text(), fields[i + 1].text(), is_mark);
  }
  text_ += '}';
  const std::size_t size = text_.size();
  text_.append(JsonDecoder::kPadding, ' ');
  return std::string_view(text_).substr(0, size);
}

void EntryDecoder::append_member(std::string_view name, std::string_view value, bool is_mark) {
  if (text_.size() > 1) text_ += ',';
  append_text(name);
  text_ += ':';
  const auto& names = schema_.options();
  const auto is_one_of = [&](const auto& some) {
    return std::ranges::find(some, name) != std::ranges::end(some);
  };
  const bool is_text = is_mark
                           ? !is_one_of(kNumbersOfMarks)
                           : name == names.track || name == names.chassis || is_one_of(names.tags);
  const auto number = is_text ? std::nullopt : parse_number(value);
  if (number) {
    append_json_number(text_, value, *number);
  } else {
    append_text(value);
  }
}

void EntryDecoder::append_text(std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) {
    append_json_string(text_, text);
  } else {
    text_ += text;  // as it is, to be found and refused
  }
}

}  // namespace slipstream
