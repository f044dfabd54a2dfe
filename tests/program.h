#pragma once
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "harness.h"

namespace slipstream::harness {

/// The program with its output in a file. Ended at the latest with this object.
class Program {
 public:
  Program(const TemporaryDirectory& directory, std::vector<std::string> arguments,
          std::vector<std::string> environment = {},
          std::optional<rlimit> descriptors = std::nullopt);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  std::string output() const {
    std::ifstream in(output_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool says(const std::string& text) const {
    return eventually([&] { return output().find(text) != std::string::npos; });
  }
  pid_t pid() const { return pid_; }
  void signal(int number) {
    if (pid_ > 0) ::kill(pid_, number);
  }
  /// The exit code; -1 when it goes on after the limit, 1000 + the signal where one ended it.
  int exit_code(std::chrono::milliseconds limit = kPatience) {
    int status = 0;
    if (!eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; }, limit)) return -1;
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1'000 + WTERMSIG(status);
  }
  std::uint16_t port() const {
    static const std::regex address(R"(http://[^ /]+:(\d+)/)");
    std::smatch match;
    std::string text;
    if (!eventually([&] { return std::regex_search(text = output(), match, address); })) return 0;
    return static_cast<std::uint16_t>(std::stoi(match[1]));
  }

 private:
  static inline int count_ = 0;
  std::filesystem::path output_;
  pid_t pid_ = 0;
};

inline const std::vector<std::string> kFreePorts = {"PORT=0", "UDP_PORT=0", "UDP_HOST=127.0.0.1"};

}  // namespace slipstream::harness
