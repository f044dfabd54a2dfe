#include "program.h"

#include "spawn.h"

namespace slipstream::harness {

Program::Program(const TemporaryDirectory& directory, std::vector<std::string> arguments,
                 std::vector<std::string> environment, std::optional<rlimit> descriptors)
    : output_(directory.path() / fmt::format("out-{}", count_++)) {
  arguments.insert(arguments.begin(), "slipstream");
  pid_ = spawn({.program = SLIPSTREAM_PROGRAM,
                .arguments = std::move(arguments),
                .environment = std::move(environment),
                .output = output_,
                .directory = directory.path(),
                .descriptors = descriptors});
}

Program::~Program() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

}  // namespace slipstream::harness
