#include "redis_streams/rollup_entries.h"

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

}  // namespace slipstream
