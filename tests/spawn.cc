#include "spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <stdexcept>

namespace slipstream::harness {

pid_t spawn(Spawn what) {
  std::vector<char*> arguments;
  for (auto& argument : what.arguments) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  std::vector<char*> environment;
  for (auto& variable : what.environment) environment.push_back(variable.data());
  for (char** own = environ; *own != nullptr; ++own) environment.push_back(*own);
  environment.push_back(nullptr);
  const pid_t parent = getpid();
  // Between fork and exec only what is safe there: other threads may hold any lock.
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("no process can be started");
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int out = open(what.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (getppid() != parent || out < 0 || dup2(out, STDOUT_FILENO) < 0 ||
      dup2(out, STDERR_FILENO) < 0 ||
      (what.descriptors && setrlimit(RLIMIT_NOFILE, &*what.descriptors) != 0) ||
      (!what.directory.empty() && chdir(what.directory.c_str()) != 0)) {
    _exit(99);
  }
  execve(what.program.c_str(), arguments.data(), environment.data());
  _exit(98);
}

}  // namespace slipstream::harness
