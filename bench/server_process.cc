#include "server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <fstream>
#include <regex>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace slipstream::bench {
namespace asio = boost::asio;

ServerProcess::ServerProcess(std::map<std::string, std::string> environment) {
  std::string name = (std::filesystem::temp_directory_path() / "slipstream-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = name;
  environment.try_emplace("PORT", "0");
  environment.try_emplace("UDP_PORT", "0");
  environment.try_emplace("UDP_HOST", "127.0.0.1");
  environment.try_emplace("DATA_DIR", name);
  environment.try_emplace("METRICS_INTERVAL", "0");
  const std::string log = name + "/output";
  pid_ = fork();
  if (pid_ == 0) {
    const int fd = open(log.c_str(), O_WRONLY | O_CREAT, 0600);
    dup2(fd, STDERR_FILENO);
    for (const auto& [key, value] : environment) setenv(key.c_str(), value.c_str(), 1);
    execl(SLIPSTREAM_PROGRAM, "slipstream", "serve", "--log-format", "text", nullptr);
    _exit(127);
  }
  const std::regex serving(R"(page=http://127\.0\.0\.1:(\d+)/  udp_port=(\d+))");
  for (int tries = 0; tries < 500; ++tries) {
    std::ifstream in(log);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    std::smatch match;
    if (std::regex_search(text, match, serving)) {
      port_ = static_cast<std::uint16_t>(std::stoi(match[1]));
      udp_port_ = static_cast<std::uint16_t>(std::stoi(match[2]));
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw std::runtime_error("the server did not start");
}

ServerProcess::~ServerProcess() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::uint64_t ServerProcess::metric(const std::string& sample) const {
  const std::string text = "\n" + get(port_, "/metrics");
  const auto at = text.find("\n" + sample + " ");
  if (at == std::string::npos) throw std::runtime_error("no metric " + sample);
  return static_cast<std::uint64_t>(std::stod(text.substr(at + sample.size() + 2)));
}

double cpu_seconds(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    throw std::runtime_error("a process's CPU time cannot be read");
  }
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

std::uint64_t voluntary_switches(pid_t pid) {
  constexpr std::string_view kName = "voluntary_ctxt_switches:";
  std::uint64_t sum = 0;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream in(task.path() / "status");
    for (std::string text; std::getline(in, text);) {
      if (text.starts_with(kName)) sum += std::stoull(text.substr(kName.size()));
    }
  }
  return sum;
}

std::uint64_t memory_bytes(pid_t pid, const std::string& line) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string text; std::getline(in, text);) {
    if (text.starts_with(line + ":")) return std::stoull(text.substr(line.size() + 1)) * 1'024;
  }
  return 0;
}

std::string get(std::uint16_t port, const std::string& target) {
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  socket.connect({asio::ip::address_v4::loopback(), port});
  asio::write(socket, asio::buffer("GET " + target +
                                   " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
  std::string text;
  boost::system::error_code end;
  asio::read(socket, asio::dynamic_buffer(text), end);
  const auto body = text.find("\r\n\r\n");
  return body == std::string::npos ? "" : text.substr(body + 4);
}

}  // namespace slipstream::bench
