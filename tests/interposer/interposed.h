#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "interposer/control.h"

namespace slipstream::interposer {

/// The test's side of the library: what one program, run again and again in one data directory, is
/// to live with. Threads: any.
class Interposed {
 public:
  /// False where the library is not built: a sanitizer's own does not go with it.
  static bool is_built();

  /// `folder`: the data directory. Its files for itself stand beside `folder`.
  explicit Interposed(std::filesystem::path folder);
  ~Interposed();
  Interposed(const Interposed&) = delete;
  Interposed& operator=(const Interposed&) = delete;

  /// For a program's environment, NAME=VALUE; with a recording in that file where one is named.
  std::vector<std::string> environment(const std::filesystem::path& recording = {}) const;

  void set_wall_offset(std::chrono::milliseconds offset);
  void set_disk_full(bool is_full) { control_->disk_is_full.store(is_full ? 1 : 0); }
  std::uint64_t refused_for_space() const { return control_->refused_for_space.load(); }
  /// That were recorded so far.
  std::uint64_t events() const { return control_->events.load(); }

 private:
  const std::filesystem::path folder_;
  std::filesystem::path control_file_;
  Control* control_ = nullptr;
};

/// One change of the disk, or a step towards its being safe there.
struct Event {
  EventKind kind = EventKind::kOpen;
  std::uint32_t handle = 0;
  std::uint64_t number = 0;  ///< see EventKind
  std::string text = {};
  std::string other = {};
};

/// Of a recording; what its end lacks of an event, since the program was killed, is left out.
std::vector<Event> read_events(const std::filesystem::path& recording);

}  // namespace slipstream::interposer
