// The state of LapObserver as bytes.
#include <algorithm>
#include <utility>

#include "racing/lap_observer.h"
#include "racing/state_archive.h"

namespace slipstream {
namespace {

/// Another one is refused: the observer then begins anew.
constexpr std::uint8_t kLapStateVersion = 2;

}  // namespace

template <typename Archive>
void LapObserver::Machine::keep(Archive& archive) {
  archive(series_hash, open, current, turns, saved, starts_before, session_before, left);
  // What stands in no archive of its own may be of any size in a damaged one.
  if constexpr (Archive::kReads) {
    if (open.empty() ? current != 0 : current >= open.size()) archive.refuse();
  }
}

template <typename Archive>
void LapObserver::keep_shared(Archive& archive) {
  archive(swept_ms_, reloads_, sessions_);
  auto count = static_cast<std::uint64_t>(tracks_.size());
  archive(count);
  if constexpr (Archive::kReads) {
    for (std::uint64_t i = 0; i < count && archive.ok(); ++i) {
      std::string name;
      archive(name);
      tracks_[name].keep_sectors(archive);
    }
  } else {
    for (auto& [name, track] : tracks_) {
      std::string spelled = name;
      archive(spelled);
      track.keep_sectors(archive);
    }
  }
}

/// keep() is one function for both ways; on this one it changes nothing.
void LapObserver::save(std::string& out) const {
  auto& self = const_cast<LapObserver&>(*this);
  out += static_cast<char>(kLapStateVersion);
  StateWriter archive(out);
  // Fields have other numbers after a restart.
  FieldSet used;
  for (const auto& [number, machine] : machines_) {
    for (const OpenActivity& open : machine->open) {
      open.laps.see_channels(used);
      for (const DoubtedPoint& doubted : open.doubted) used.add(doubted.fields);
    }
  }
  std::vector<std::string> names(used.end());
  for (std::size_t id = 0; id < names.size(); ++id) {
    const auto field = static_cast<FieldId>(id);
    if (used.has(field)) names[id] = fields_.name(field);
  }
  archive(names);
  self.keep_shared(archive);
  std::vector<std::uint32_t> numbers;
  for (const auto& [number, machine] : machines_) numbers.push_back(number);
  std::ranges::sort(numbers);
  archive(numbers);
  for (const std::uint32_t number : numbers) archive(*self.machines_.at(number));
}

Result<void> LapObserver::restore(std::string_view bytes) {
  clear();
  if (bytes.empty() || bytes[0] != static_cast<char>(kLapStateVersion)) {
    return fail("saved laps: of a version that is not known here", ErrorCode::kVersion);
  }
  StateReader archive(bytes.substr(1));
  std::vector<std::string> names;
  archive(names);
  keep_shared(archive);
  std::vector<std::uint32_t> numbers;
  archive(numbers);
  for (std::size_t i = 0; i < numbers.size() && archive.ok(); ++i) {
    auto& machine = machines_[numbers[i]];
    machine = std::make_unique<Machine>();
    archive(*machine);
  }
  if (!archive.at_end()) {
    clear();
    return fail("saved laps: damaged", ErrorCode::kCorrupt);
  }
  std::vector<std::optional<FieldId>> fields;
  for (const std::string& field : names) {
    const bool is_one = !field.empty() && field.size() <= Schema::kMaxFieldNameBytes;
    fields.push_back(is_one ? fields_.intern(field) : std::nullopt);
  }
  for (auto& [number, machine] : machines_) {
    for (OpenActivity& open : machine->open) {
      open.laps.rename_fields(fields);
      for (DoubtedPoint& doubted : open.doubted) doubted.fields = doubted.fields.renamed(fields);
    }
  }
  return {};
}

void LapObserver::clear() {
  machines_.clear();
  near_.clear();
  sessions_.clear();
  tracks_.clear();
  reloads_.clear();
  swept_ms_ = 0;
  listed_.clear();
  told_ = {};
}

}  // namespace slipstream
