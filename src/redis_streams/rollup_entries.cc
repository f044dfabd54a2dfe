#include "redis_streams/rollup_entries.h"

#include <charconv>
#include <memory>
#include <utility>

#include "codec/mark_json.h"
#include "redis_streams/entry_id.h"

namespace slipstream {

RollupBatch rollups_of_entries(ReplyView entries, const RollupOrigin& origin,
                               RollupDecoder& decoder) {
  RollupBatch rollups;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto id = EntryId::parse(entries[i][0].text());
    auto rollup = decoder.decode(entries[i][1].member("payload").text());
    if (!id || !rollup) continue;
    rollup->partition = origin.partition;
    rollup->stored = origin.stored;
    rollup->sequence = origin.stored ? id->ms : 0;
    rollup->last_arrival = origin.now;
    rollups.push_back(std::make_shared<const Rollup>(std::move(*rollup)));
  }
  return rollups;
}

std::vector<PlacedMark> marks_of_entries(ReplyView entries) {
  std::vector<PlacedMark> marks;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const ReplyView fields = entries[i][1];
    const auto id = EntryId::parse(entries[i][0].text());
    const std::string_view json = fields.member(mark_entry::kMark).text();
    if (!id || json.empty()) continue;
    const std::string_view number = fields.member(mark_entry::kArrival).text();
    ArrivalTime arrival;
    std::from_chars(number.data(), number.data() + number.size(), arrival.ns);
    auto mark = parse_mark_json(json, arrival);
    if (!mark) continue;
    marks.push_back({.mark = std::make_shared<const Mark>(std::move(*mark)), .sequence = id->ms});
  }
  return marks;
}

}  // namespace slipstream
