#include "simulation/marks.h"

#include <fmt/format.h>

#include <set>

#include "simulation/points.h"

namespace slipstream::simulation {

std::string Marks::offer(Server& server, Random& random, ArrivalTime now) {
  const std::string text = fmt::format("m{}", count_++);
  const auto durability =
      random.one_of({Durability::kReceived, Durability::kLogged, Durability::kFsynced});
  Body body{.durability = durability};
  body.marks.push_back(
      {.mark = std::make_shared<const Mark>(
           Mark{.time = {now.ns}, .arrival = now, .track = "cota", .kind = "note", .text = text})});
  const auto end = server.journal().offer_all(body);
  if (!end) return text + " refused";
  const Sent& sent = sent_[text];
  server.journal().when_durable(*end, durability, [durability, is_safe = sent.is_safe](bool ok) {
    *is_safe = *is_safe || (ok && durability == Durability::kFsynced);
  });
  return fmt::format("{} at {}", text, *end - 1);
}

void Marks::accept(std::span<const StoredMark> marks) {
  for (const StoredMark& stored : marks) {
    const auto sent = sent_.find(stored.mark->text);
    if (sent == sent_.end()) violated("a mark that nobody sent is passed on");
    if (std::exchange(sent->second.was_passed_on, true)) {
      violated(fmt::format("mark {} is passed on twice", stored.mark->text));
    }
    if (stored.row <= last_row_) violated("marks are passed on in another order than stored");
    last_row_ = stored.row;
  }
}

void Marks::check(const RollupStore& store) {
  const auto newest = store.newest_mark();
  if (!newest) violated(newest.error().message);
  std::set<std::string> found;
  StoredEventsQuery query{.upto = newest->row};
  while (query.after.row < query.upto) {
    const auto page = store.read_stored_marks(query);
    if (!page) violated(page.error().message);
    for (const StoredMark& stored : page->marks) {
      if (!found.insert(stored.mark->text).second) {
        violated(fmt::format("mark {} is stored twice", stored.mark->text));
      }
    }
    query.after = page->to;
  }
  for (auto& [text, sent] : sent_) {
    const bool is_there = found.erase(text) > 0;
    if (is_there && sent.is_lost) violated(fmt::format("mark {} was lost, and is there", text));
    if (is_there || sent.is_lost) continue;
    if (sent.was_passed_on) violated(fmt::format("mark {} was passed on, and is gone", text));
    if (*sent.is_safe && !is_damaged_) {
      violated(fmt::format("mark {} was acknowledged, and is not stored", text));
    }
    sent.is_lost = true;
  }
  if (!found.empty()) violated("a mark is stored that nobody sent");
  checked_ = sent_.size();
  is_damaged_ = false;
}

}  // namespace slipstream::simulation
