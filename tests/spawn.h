#pragma once
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace slipstream::harness {

/// A process to be started.
struct Spawn {
  std::filesystem::path program;
  std::vector<std::string> arguments;         ///< its name first
  std::vector<std::string> environment = {};  ///< name=value; wins over what is inherited
  std::filesystem::path output;               ///< a file, made anew, of both output streams
  std::filesystem::path directory = {};       ///< where it works; empty: here
  unsigned max_descriptors = 0;               ///< soft and hard limit; 0: as here
};

/// Its id. It ends at the latest with the thread that started it. Throws where no process can be
/// made; one that cannot be set up exits with 99, one whose program cannot be run with 98.
pid_t spawn(Spawn what);

}  // namespace slipstream::harness
