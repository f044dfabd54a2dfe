// Whatever was synced is read back exactly once, in order, and bodies of several blocks whole or
// not at all, after any series of appends, syncs, faults, crashes and reopenings.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "log/segment_log.h"
#include "log/testing.h"
#include "log/verify.h"

namespace slipstream {
namespace {

using log_testing::Faults;
using log_testing::FaultyFileSystem;

/// A writer that keeps account of what it was promised.
class Writer {
 public:
  Writer(std::uint64_t seed, bool pages_get_lost, bool cutting_fails)
      : files_(seed),
        random_(seed ^ 0x5DEECE66D),
        faults_{.short_writes = 30,
                .failed_writes = 8,
                .failed_syncs = 15,
                .failed_creates = 20,
                .failed_removes = 20} {
    faults_.failed_sync_loses_pages = pages_get_lost;
    faults_.failed_truncates = cutting_fails ? 50 : 0;
    open();
  }

  void step(unsigned choice) {
    if (choice < 55) {
      append();
    } else if (choice < 75) {
      sync();
    } else if (choice < 80) {
      files_.set_faults(faults_);
    } else if (choice < 85) {
      files_.set_faults({.disk_bytes = 2000 + random_() % 20000});
    } else if (choice < 90) {
      files_.set_faults({});
    } else if (choice < 93) {
      check();
    } else {
      restart(choice < 97);
    }
  }

  void restart(bool power_cut) {
    log_.reset();
    if (power_cut) files_.crash();
    open();
    check();
  }

 private:
  void open() {
    // A checkpoint is somewhere in what was promised: it makes nothing lost that is there.
    const SegmentLogOptions options{
        .segment_bytes = 3000,
        .at_least_offset = kept_.empty() ? 0 : random_() % (kept_.rbegin()->first + 2)};
    auto log = SegmentLog::open(files_, "log", options);
    if (!log) {  // the device refused; it is tried again once it works
      files_.set_faults({});
      log = SegmentLog::open(files_, "log", options);
    }
    RC_ASSERT(log.has_value());
    log_ = std::move(*log);
    RC_ASSERT(log_->next_offset() >= promised_);
    for (const LostRange& lost : log_->lost()) expect_nothing_kept_in(lost.from, lost.to);
    // What was found is promised from now on, whether it was before or not.
    for (const auto& [offset, payload] : read()) {
      if (offset < promised_) continue;
      const auto tries = attempts_.equal_range(offset);
      RC_ASSERT(std::any_of(tries.first, tries.second,
                            [&](const auto& attempt) { return attempt.second == payload; }));
      kept_.emplace(offset, payload);
    }
    promised_ = log_->next_offset();
  }

  /// A body of one block, or of some.
  void append() {
    const std::size_t blocks = random_() % 4 == 0 ? 2 + random_() % 3 : 1;
    const std::uint64_t begin = log_->next_offset();
    const std::size_t body = ++bodies_;
    for (std::size_t i = 0; i < blocks; ++i) {
      std::string payload = std::to_string(body) + ' ' + std::to_string(i) + ' ';
      for (std::size_t left = random_() % 700; left > 0; --left) {
        payload += static_cast<char>(random_() % 3 == 0 ? random_() : 'a');
      }
      const std::uint64_t offset = log_->next_offset();
      const bool leans = blocks == 1 && log_->may_lean() && random_() % 4 != 0;
      if (leans) payload += kLeaning;
      const LogBlock block{.base_offset = offset,
                           .count = static_cast<std::uint32_t>(1 + random_() % 9),
                           .payload = payload,
                           .goes_on = i + 1 < blocks,
                           .leans = leans};
      attempts_.emplace(offset, payload);
      body_of_[payload] = {body, blocks};
      if (!log_->append(block)) return give_up();
      RC_ASSERT(log_->next_offset() == block.end_offset());
      pending_.emplace(offset, payload);
      take_promises();  // a full segment is synced before the next one begins
      if (block.goes_on && random_() % 8 == 0) {
        if (!log_->sync()) return give_up();
        RC_ASSERT(log_->synced_offset() == begin);
        take_promises();
      }
    }
  }

  void sync() {
    if (!log_->sync()) return give_up();
    RC_ASSERT(log_->synced_offset() == log_->next_offset());
    take_promises();
  }

  void take_promises() {
    promised_ = log_->synced_offset();
    while (!pending_.empty() && pending_.begin()->first < promised_) {
      kept_.insert(pending_.extract(pending_.begin()));
    }
  }
  void give_up() {
    RC_ASSERT(log_->next_offset() == log_->synced_offset());
    take_promises();
    pending_.clear();
  }

  std::map<std::uint64_t, std::string> read() {
    std::map<std::uint64_t, std::string> found;
    auto reader = log_->read_from(0);
    RC_ASSERT(reader.has_value());
    std::uint64_t end = 0;
    while (true) {
      const auto block = (*reader)->next();
      RC_ASSERT(block.has_value());
      if (!*block) break;
      RC_ASSERT((*block)->base_offset >= end);
      if ((*block)->payload.ends_with(kLeaning)) {
        RC_ASSERT((*block)->leans);
        RC_ASSERT((*block)->base_offset == end);
        RC_ASSERT(!found.empty());
      }
      end = (*block)->end_offset();
      found.emplace((*block)->base_offset, (*block)->payload);
    }
    RC_ASSERT(end <= log_->synced_offset());
    expect_whole_bodies(found);
    RC_ASSERT((*reader)->bytes_left() == 0u);
    // What a power cut left of a write may be reported as lost; what was promised may not.
    for (const LostRange& lost : (*reader)->lost()) expect_nothing_kept_in(lost.from, lost.to);
    return found;
  }

  void expect_whole_bodies(const std::map<std::uint64_t, std::string>& found) {
    std::map<std::size_t, std::size_t> blocks;
    for (const auto& [offset, payload] : found) ++blocks[body_of_.at(payload).first];
    for (const auto& [offset, payload] : found) {
      const auto& [body, whole] = body_of_.at(payload);
      RC_ASSERT(blocks[body] == whole);
    }
  }

  void check() {
    pending_.clear();
    log_.reset();
    open();
    RC_ASSERT(read() == kept_);
    for (const LogFault& fault : verify_log(files_, "log").faults) {
      expect_nothing_kept_in(fault.from, fault.to);
    }
  }
  void expect_nothing_kept_in(std::uint64_t from, std::uint64_t to) {
    RC_ASSERT(kept_.lower_bound(from) == kept_.lower_bound(to));
  }

  static constexpr std::string_view kLeaning = "leans";

  FaultyFileSystem files_;
  std::mt19937_64 random_;
  Faults faults_;
  std::unique_ptr<SegmentLog> log_;
  std::uint64_t promised_ = 0;
  std::map<std::uint64_t, std::string> kept_;
  std::map<std::uint64_t, std::string> pending_;
  std::multimap<std::uint64_t, std::string> attempts_;
  std::size_t bodies_ = 0;
  std::map<std::string, std::pair<std::size_t, std::size_t>> body_of_;  ///< and its blocks
};

std::vector<unsigned> some_steps() {
  return *rc::gen::resize(200,
                          rc::gen::container<std::vector<unsigned>>(rc::gen::inRange(0u, 100u)));
}

RC_GTEST_PROP(LogProperty, WhatWasSyncedIsReadBackOnceAndInOrderWhateverHappens,
              (std::uint64_t seed, bool pages_get_lost, bool cutting_fails)) {
  Writer writer(seed, pages_get_lost, cutting_fails);
  for (const unsigned choice : some_steps()) writer.step(choice);
  writer.restart(true);
}

}  // namespace
}  // namespace slipstream
