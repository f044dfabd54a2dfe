// How the simulation ends and begins the server's lives, and compares what came of them.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "pipeline/replay.h"
#include "simulation/simulation.h"
#include "window/window_set.h"

namespace slipstream::simulation {

/// Settings that no state depends on are others in each life.
Config Simulation::config() {
  Config config = config_;
  config.pipeline.workers = static_cast<std::uint32_t>(1 + random_.pick(3));
  config.pipeline.queue_batches = random_.one_of({2u, 16u, 1'024u});
  config.durability.max_backlog_bytes = random_.one_of({20'000u, 1u << 28});
  config.durability.flush_bytes = random_.one_of({4'000u, 1u << 22});
  config.durability.checkpoint_interval_ms = random_.one_of({100, 2'000});
  config.durability.segment_bytes = random_.one_of({2'000u, 20'000u, 1u << 27});
  config.durability.log_retention_bytes = random_.one_of({10'000u, 100'000u});
  return config;
}

void Simulation::kill() {
  kill_quietly(random_.chance(50));
}

void Simulation::kill_quietly(bool machine) {
  if (server_) {
    ++summary_.crashes;
    const bool failing = server_->journal().stats().failing.value() != 0;
    ledger_.crashed(server_->parts().log->synced_offset(), machine, failing);
    server_.reset();
  } else if (machine) {
    ledger_.crashed(0, true, false);
  }
  if (machine) files_.crash();
  note(machine ? "the machine dies" : "the server dies");
}

void Simulation::stop() {
  note("stop");
  server_->stop();
  ledger_.crashed(server_->parts().log->synced_offset(), false, true);
  server_.reset();
}

void Simulation::restart(unsigned damaged_percent) {
  if (random_.chance(damaged_percent)) damage_log();
  if (random_.chance(15)) change_layout();
  for (unsigned attempt = 0; !try_start(layout_changed_, attempt); ++attempt) {
    ++summary_.failed_starts;
    if (attempt > 20) violated("the server does not start, though nothing is wrong any more");
    advance(2'000);
  }
  ++summary_.lives;
}

bool Simulation::try_start(bool is_changed, unsigned attempt) {
  if (attempt > 2) {
    files_.set_faults({});
    heal_store();
  }
  // The old layout is settled without a pause: with what waits nobody helps then.
  const std::size_t queue_bytes =
      is_changed ? std::size_t{1} << 28 : random_.one_of({2'000u, 1u << 28});
  auto server = std::make_unique<Server>(
      config(), Server::Environment{files_, clock_, ledger_, marks_, queue_bytes});
  ledger_.begin_life(server->parts().schema.fields());
  if (ledger_.is_damaged()) ledger_.begin_with(states_in_the_store());
  server_ = nullptr;
  const auto syncs_failed_before = files_.failed_syncs();
  const auto account_for_syncs = [&] {
    if (files_.failed_syncs() != syncs_failed_before) ledger_.sync_failed_in_start();
  };
  may_be_killed_ = !damaged_ && attempt < 2 && random_.chance(30);
  try {
    auto* const starting = server.get();
    auto recovered = server->start([this, starting] {
      during_recovery();
      while (!starting->store_writer().has_room()) {
        heal_store();
        clock_.advance(100 * kNsPerMs);
        starting->store_writer().poll(1);
      }
    });
    if (!recovered) {
      note("the start fails: " + recovered.error().message);
      server.reset();
      account_for_syncs();
      if (random_.chance(30)) kill_quietly(true);
      return false;
    }
    server_ = std::move(server);
    if (auto text = stored().layout; text != layout_text_) {
      ledger_.layout_changed();
      layout_text_ = std::move(text);
    }
    layout_changed_ = false;
    settle(*recovered);
    return true;
  } catch (const Killed&) {
    note("killed while it recovers");
    server.reset();
    account_for_syncs();
    if (random_.chance(50)) kill_quietly(true);
    return false;
  }
}

StoredState Simulation::stored() const {
  auto state = server_->parts().store->load();
  if (!state) violated(state.error().message);
  return std::move(*state);
}

std::vector<PartitionState> Simulation::states_in_the_store() const {
  FieldTable fields(SchemaOptions{}.well_known);
  auto store = RollupStore::open(folder_, {}, fields);
  if (!store) violated(store.error().message);
  auto state = (*store)->load();
  if (!state) violated(state.error().message);
  return std::move(state->partitions);
}

void Simulation::during_recovery() {
  if (may_be_killed_ && random_.chance(5)) throw Killed{};
  if (random_.chance(5)) clock_.advance(200 * kNsPerMs);
}

void Simulation::settle(const Recovered& recovered) {
  DurableParts& parts = server_->parts();
  note(fmt::format("up again: {} points from the log, which goes on at {}", recovered.points,
                   parts.log->next_offset()));
  if (const auto from = ledger_.doubtful_from()) {
    const auto weight_a = *parts.schema.fields().intern(kWeightA);
    const auto weight_b = *parts.schema.fields().intern(kWeightB);
    std::map<LogOffset, std::pair<std::uint32_t, std::uint32_t>> weights;
    const auto weigh = [&](const LogWork& item) {
      if (!item.work.batch) return;
      LogOffset at = item.work.offset;
      for (const Point& point : item.work.batch->points) {
        weights[at++] = {
            static_cast<std::uint32_t>(item.work.batch->value_or_nan(point, weight_a)),
            static_cast<std::uint32_t>(item.work.batch->value_or_nan(point, weight_b))};
      }
    };
    const auto read = replay_log(*parts.log, *from, parts.log->next_offset(), parts.schema,
                                 parts.pool, {.work = weigh});
    if (!read) violated("the log cannot be read: " + read.error().message);
    ledger_.settle(weights);
  }
  const auto all_lost = parts.lost.list(std::numeric_limits<std::size_t>::max());
  for (const auto& lost : all_lost) {
    note(fmt::format("lost: {} to {}, {}", lost.from, lost.to, lost.why));
  }
  // A first attempt may have gone on from there already.
  ledger_.lost(all_lost, damaged_ ? states_at_damage_ : server_->found().partitions);
  damaged_ = false;
  traffic_.check_keys(recovered.keys, clock_.steady());
  ledger_.check_store();
}

/// Somebody lays hands on the log: a bit turns in one of its newest segments but the last, or the
/// file goes; or all files go.
void Simulation::damage_log() {
  if (server_ || layout_changed_) return;
  const auto log = folder_ / "log";
  auto names = files_.list(log);
  if (!names) return;
  std::erase_if(*names, [](const std::string& name) {
    return name.ends_with(".new") || name.ends_with(".damaged");
  });
  std::ranges::sort(*names);
  if (names->size() < 2) return;
  // The last may be of the last write, which is torn and not damaged; the newest of the others hold
  // what is folded again.
  const std::size_t back = 1 + random_.pick(std::min<std::size_t>(names->size() - 1, 3));
  const auto path = log / (*names)[names->size() - 1 - back];
  const std::string content = files_.content(path);
  if (content.empty()) return;
  files_.set_faults({});
  heal_store();
  states_at_damage_ = states_in_the_store();
  const auto kind = random_.pick(100);
  if (kind < 70) {
    files_.flip(path, random_.pick(content.size()),
                static_cast<unsigned char>(1u << random_.pick(8)));
    note("a bit turns in " + path.filename().string());
  } else if (kind < 85) {
    files_.delete_for_good(path);
    note(path.filename().string() + " is deleted");
  } else {
    for (const auto& name : *names) files_.delete_for_good(log / name);
    ledger_.log_is_gone(states_at_damage_);
    note("the log is deleted");
  }
  ++summary_.damaged;
  damaged_ = true;
  ledger_.damaged();
  marks_.damaged();
}

void Simulation::lose_a_block() {
  files_.set_faults({});
  heal_store();
  throws_in_ = 0;
  come_to_rest();
  server_->pipeline().checkpoint();
  server_->store_writer().flush();
  note("from here on nothing is committed");
  for (auto rounds = 40 + random_.pick(100); rounds > 0; --rounds) {
    offer();
    advance(20);
    server_->journal().poll(1);
    for (auto& worker : server_->pipeline().workers()) worker->poll(4);
  }
  kill();
  restart(100);
}

void Simulation::come_to_rest() {
  constexpr int kRounds = 400;
  for (int round = 0; round < kRounds; ++round) {
    clock_.advance(200 * kNsPerMs);
    if (random_.chance(5)) step_clock();
    server_->journal().poll(1);
    for (auto& worker : server_->pipeline().workers()) worker->poll(64);
    server_->store_writer().poll(1);
    if (server_->is_at_rest()) return;
  }
  violated("nothing is wrong any more, and it does not come to rest");
}

void Simulation::audit() {
  note("audit");
  ++summary_.audits;
  files_.set_faults({});
  heal_store();
  throws_in_ = 0;
  come_to_rest();
  if (!server_->stop()) violated("a stop without faults leaves something behind");
  const LogOffset synced = server_->parts().log->synced_offset();
  if (synced != server_->journal().next_offset()) violated("the log ends before the journal");
  ledger_.check_store();
  ledger_.check_all_out(stored().dead);
  marks_.check(*server_->parts().store);
  ledger_.crashed(synced, false, false);
  server_.reset();
  restart();
}

}  // namespace slipstream::simulation
