#include "cli/signals.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

namespace slipstream {
namespace {

sigset_t waited_for() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = waited_for();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

int Signals::wait(std::chrono::milliseconds limit) {
  const sigset_t set = waited_for();
  const timespec timeout{limit.count() / 1'000, (limit.count() % 1'000) * 1'000'000};
  const int signal = sigtimedwait(&set, nullptr, &timeout);
  return signal > 0 ? signal : 0;
}

void Signals::exit_on_next() {
  struct sigaction action{};
  action.sa_handler = [](int signal) { _exit(128 + signal); };
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  const sigset_t set = waited_for();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace slipstream
