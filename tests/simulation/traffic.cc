#include "simulation/traffic.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipstream::simulation {
namespace {

constexpr std::size_t kKeyedBodies = 40;

std::uint32_t partition_of(const SimPoint& point, const Layout& layout) {
  return static_cast<std::uint32_t>(series_hash(point.track, point.chassis) % layout.partitions);
}

TakenPtr taken_of(std::shared_ptr<const Layout> layout, LogOffset begin, LogOffset end,
                  std::vector<SimPoint> points) {
  auto taken = std::make_shared<Taken>();
  taken->layout = std::move(layout);
  taken->entries_from = begin;
  taken->from = end - points.size();
  taken->to = end;
  taken->points = std::move(points);
  return taken;
}

void acknowledge(Taken& taken, Durability durability) {
  taken.acked_logged |= durability != Durability::kReceived;
  taken.acked_synced |= durability == Durability::kFsynced;
}

}  // namespace

constexpr std::int64_t kJitterMs = 200;

Traffic::Traffic(Random& random, Ledger& ledger) : random_(random), ledger_(ledger) {
  for (std::size_t i = 0; i < kCars; ++i) {
    cars_.push_back({.track = i % 3 == 0 ? "barber" : "cota",
                     .chassis = i == 0 ? kPoison : fmt::format("GR86-{:03}", i)});
  }
}

SimPoint Traffic::point_of(Car& car, ArrivalTime now) {
  if (random_.chance(6) && ++car.sector == 3) {
    car.sector = 0;
    ++car.lap;
  }
  SimPoint point{.track = car.track,
                 .chassis = car.chassis,
                 .lap = car.lap,
                 .sector = car.sector,
                 .event_ns = now.ns - random_.between(0, kJitterMs) * kNsPerMs,
                 .number = ++car.sent,
                 .weight_a = static_cast<std::uint32_t>(random_.pick(1u << 24)),
                 .weight_b = static_cast<std::uint32_t>(random_.pick(1u << 24))};
  if (random_.chance(3)) {  // a straggler, perhaps of the sector before
    point.straggler = true;
    point.event_ns -= random_.between(0, 4'000) * kNsPerMs;
    if (point.sector > 0 && random_.chance(50)) --point.sector;
  }
  // So is one of after the clock was set back.
  if (point.event_ns < car.newest_ns - kJitterMs * kNsPerMs) point.straggler = true;
  car.newest_ns = std::max(car.newest_ns, point.event_ns);
  return point;
}

std::vector<SimPoint> Traffic::points(std::size_t count, ArrivalTime now) {
  std::vector<SimPoint> points;
  // Now and then the machine whose points throw is among the others.
  const bool poisoned = random_.pick(80) == 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t car = poisoned && i == count / 2 ? 0 : 1 + random_.pick(kCars - 1);
    points.push_back(point_of(cars_[car], now));
  }
  return points;
}

std::vector<PointBatchPtr> Traffic::batches_of(std::vector<SimPoint>& points, Server& server,
                                               const Layout& layout, ArrivalTime now) const {
  const PointFields fields(server.parts().schema.fields());
  for (SimPoint& point : points) point.partition = partition_of(point, layout);
  std::ranges::stable_sort(points, {}, &SimPoint::partition);
  std::vector<PointBatchPtr> batches;
  for (const SimPoint& p : points) {
    if (batches.empty() || batches.back()->partition != p.partition) {
      batches.push_back(server.parts().pool.get());
      batches.back()->partition = p.partition;
    }
    add_point(*batches.back(), p, SourceKind::kHttp, now, fields);
  }
  for (const auto& batch : batches) batch->text.append(PointBatch::kTextSpare, ' ');
  return batches;
}

bool Traffic::offer_datagram(Server& server, const std::shared_ptr<const Layout>& layout,
                             ArrivalTime now) {
  auto sent = points(1 + random_.pick(8), now);
  const auto partition = partition_of(sent.front(), *layout);
  std::erase_if(sent, [&](const SimPoint& p) { return partition_of(p, *layout) != partition; });
  auto batches = batches_of(sent, server, *layout, now);
  const LogOffset from = server.journal().next_offset();
  if (!server.journal().offer(batches.front())) return false;
  const LogOffset end = from + sent.size();
  ledger_.take(taken_of(layout, from, end, std::move(sent)));
  return true;
}

Traffic::KeyedBody* Traffic::pick_keyed(Moment now) {
  std::erase_if(keyed_, [&](const KeyedBody& k) { return now.steady - k.first_sent > kRetriedNs; });
  if (keyed_.empty() || random_.chance(60)) {
    const auto number = ++keys_given_;
    keyed_.push_back({.key = fmt::format("key {}", number),
                      .answer = fmt::format("answer {}", number),
                      .first_sent = now.steady,
                      .points = points(1 + random_.pick(12), now.wall),
                      .taken = nullptr});
    if (keyed_.size() > kKeyedBodies) keyed_.pop_front();
    return &keyed_.back();
  }
  return &keyed_[random_.pick(keyed_.size())];
}

std::string Traffic::offer_body(Server& server, const std::shared_ptr<const Layout>& layout,
                                ArrivalTime now) {
  const auto durability =
      random_.one_of({Durability::kReceived, Durability::kLogged, Durability::kFsynced});
  if (random_.chance(60)) {
    const auto count = random_.chance(2) ? 1'200 : 1 + random_.pick(24);
    return offer(server, layout, now, points(count, now), durability, nullptr);
  }
  KeyedBody& keyed = *pick_keyed({now, server.parts().clock.steady()});
  if (const auto* known = server.keys().find(keyed.key, server.parts().clock.steady())) {
    return answer_again(server, *known, keyed, durability);
  }
  if (keyed.taken && keyed.taken->fate != Taken::Fate::kGone && !keyed.taken->key_lost) {
    violated(fmt::format("'{}' was taken at {} and is not known any more", keyed.key,
                         keyed.taken->entries_from));
  }
  return offer(server, layout, now, keyed.points, durability, &keyed);
}

std::string Traffic::answer_again(Server& server, const AnsweredKeys::Answer& answer,
                                  const KeyedBody& keyed, Durability durability) {
  if (answer.body != keyed.answer || answer.status != 200) {
    violated(fmt::format("'{}' is answered otherwise than before", keyed.key));
  }
  if (!keyed.taken || keyed.taken->fate == Taken::Fate::kGone) {
    violated(fmt::format("'{}' is answered as taken, and it is not", keyed.key));
  }
  ++answered_again_;
  server.journal().when_durable(answer.offset, durability,
                                [taken = keyed.taken, durability](bool durable) {
                                  if (durable) acknowledge(*taken, durability);
                                });
  return keyed.key + " again";
}

std::string Traffic::offer(Server& server, const std::shared_ptr<const Layout>& layout,
                           ArrivalTime now, std::vector<SimPoint> points, Durability durability,
                           KeyedBody* keyed) {
  Body body{.batches = batches_of(points, server, *layout, now), .durability = durability};
  AnsweredKey key;
  if (keyed != nullptr) {
    key = {keyed->key, server.key_time(), 200, keyed->answer};
    body.key = &key;
  }
  const LogOffset begin = server.journal().next_offset();
  const auto end = server.journal().offer_all(body);
  if (!end) return "body refused";
  const auto taken = taken_of(layout, begin, *end, std::move(points));
  ledger_.take(taken);
  if (keyed != nullptr) {
    keyed->taken = taken;
    server.keys().add(key, *end, server.parts().clock.steady());
  }
  server.journal().when_durable(*end, durability, [taken, durability](bool durable) {
    if (durable) acknowledge(*taken, durability);
  });
  return fmt::format("body at {} to {}{}", begin, *end, keyed != nullptr ? ", " + key.key : "");
}

void Traffic::check_keys(const std::vector<AnsweredKey>& keys, SteadyTime now) const {
  for (const auto& keyed : keyed_) {
    if (now - keyed.first_sent > kRetriedNs) continue;
    const bool known = std::ranges::find(keys, keyed.key, &AnsweredKey::key) != keys.end();
    const bool there = keyed.taken && keyed.taken->fate != Taken::Fate::kGone;
    if (known && !there) {
      violated(fmt::format("'{}' came back, its points did not", keyed.key));
    }
    if (!known && there && !keyed.taken->key_lost) {
      violated(fmt::format("the points of '{}' came back at {}, the key did not", keyed.key,
                           keyed.taken->entries_from));
    }
  }
}

}  // namespace slipstream::simulation
