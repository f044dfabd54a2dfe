#include "redis_clients.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "point_texts.h"

namespace slipstream::bench {
namespace {

constexpr std::size_t kBatch = 100;         // commands in one write
constexpr std::size_t kUnanswered = 2'000;  // commands on their way

std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&at), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
    throw std::runtime_error("no free port");
  }
  close(fd);
  return ntohs(at.sin_port);
}

int connected(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
  }
  if (fd >= 0) close(fd);
  return -1;
}

void append_argument(std::string& out, std::string_view value) {
  fmt::format_to(std::back_inserter(out), "${}\r\n", value.size());
  out += value;
  out += "\r\n";
}

void add(const AddOptions& options) {
  BareRedis redis(options.port);
  PointTexts texts(options.cars, options.points_per_entry, true);
  std::string commands;
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  while (sent < options.entries) {
    commands.clear();
    texts.set_time(now_ms());
    std::size_t batch = 0;
    for (; batch < kBatch && sent + batch < options.entries; ++batch) {
      commands +=
          options.points_per_entry == 1
              ? "*5\r\n$4\r\nXADD\r\n$16\r\ntelemetry.stream\r\n$1\r\n*\r\n$4\r\ndata\r\n"
              : "*5\r\n$4\r\nXADD\r\n$16\r\ntelemetry.stream\r\n$1\r\n*\r\n$6\r\npoints\r\n";
      append_argument(commands, texts.next());
    }
    redis.send(commands);
    sent += batch;
    // An answer is a length and an id, a line each.
    while (sent - answered > kUnanswered) {
      redis.skip_lines(2 * kBatch);
      answered += kBatch;
    }
  }
  redis.skip_lines(2 * (sent - answered));
}

}  // namespace

RedisProcess::RedisProcess() {
  std::string name = (std::filesystem::temp_directory_path() / "slipstream-redis-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = name;
  port_ = free_port();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fd = open((name + "/output").c_str(), O_WRONLY | O_CREAT, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execlp("redis-server", "redis-server", "--bind", "127.0.0.1", "--port",
           std::to_string(port_).c_str(), "--save", "", "--appendonly", "no", "--dir", name.c_str(),
           nullptr);
    _exit(127);
  }
  for (int tries = 0; tries < 500; ++tries) {
    if (const int fd = connected(port_); fd >= 0) {
      close(fd);
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  throw std::runtime_error("redis-server did not start: is it installed?");
}

RedisProcess::~RedisProcess() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

BareRedis::BareRedis(std::uint16_t port) : fd_(connected(port)) {
  if (fd_ < 0) throw std::runtime_error("redis-server cannot be reached");
}

BareRedis::~BareRedis() {
  close(fd_);
}

void BareRedis::send(std::string_view commands) {
  while (!commands.empty()) {
    const ssize_t sent = ::send(fd_, commands.data(), commands.size(), MSG_NOSIGNAL);
    if (sent <= 0) throw std::runtime_error("the connection to redis-server broke");
    commands.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void BareRedis::fill() {
  constexpr std::size_t kPiece = 256 << 10;
  if (at_ > kPiece) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kPiece);
  const ssize_t got = recv(fd_, buffer_.data() + before, kPiece, 0);
  if (got <= 0) throw std::runtime_error("the connection to redis-server broke");
  buffer_.resize(before + static_cast<std::size_t>(got));
}

std::string_view BareRedis::line() {
  std::size_t end = buffer_.find('\n', at_);
  while (end == std::string::npos) {
    const std::size_t looked_at = buffer_.size() - at_;
    fill();
    end = buffer_.find('\n', at_ + looked_at);
  }
  const std::string_view found(buffer_.data() + at_, end - 1 - at_);
  at_ = end + 1;
  return found;
}

void BareRedis::skip_lines(std::size_t lines) {
  for (std::size_t i = 0; i < lines; ++i) {
    if (line().starts_with('-')) throw std::runtime_error("redis-server refused a command");
  }
}

std::string BareRedis::call(std::string_view command) {
  send(redis_command(command));
  std::string reply;
  // Replies here have no binary texts: what is left is counted in lines.
  for (std::size_t left = 1; left > 0; --left) {
    const std::string text(line());
    reply += text + "\n";
    std::int64_t count = 0;
    std::from_chars(text.data() + 1, text.data() + text.size(), count);
    if (text.starts_with('*') && count > 0) left += static_cast<std::size_t>(count);
    if (text.starts_with('$') && count >= 0) ++left;
  }
  return reply;
}

std::size_t BareRedis::read_entries(std::string& ids) {
  if (line() == "*-1") return 0;  // one stream
  line();                         // its name and entries
  line();
  line();
  const std::string_view head = line();
  std::size_t entries = 0;
  std::from_chars(head.data() + 1, head.data() + head.size(), entries);
  for (std::size_t i = 0; i < entries; ++i) {
    line();  // id and fields
    // The id as it stands is an argument of XACK.
    for (int part = 0; part < 2; ++part) {
      ids += line();
      ids += "\r\n";
    }
    line();  // a name and a value
    line();
    line();
    const std::string_view length = line();
    std::size_t bytes = 0;
    std::from_chars(length.data() + 1, length.data() + length.size(), bytes);
    while (buffer_.size() - at_ < bytes + 2) fill();
    at_ += bytes + 2;
  }
  return entries;
}

std::string redis_command(std::string_view words) {
  std::string body;
  std::size_t count = 0;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    append_argument(body, words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
    ++count;
  }
  return fmt::format("*{}\r\n{}", count, body);
}

pid_t start_adder(const AddOptions& options) {
  const pid_t child = fork();
  if (child != 0) return child;
  try {
    add(options);
  } catch (const std::exception&) {
    _exit(1);
  }
  _exit(0);
}

}  // namespace slipstream::bench
