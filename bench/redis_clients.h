#pragma once
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace slipstream::bench {

/// A redis-server of its own on a free port, without persistence; its directory is removed at the
/// end.
class RedisProcess {
 public:
  RedisProcess();
  ~RedisProcess();
  RedisProcess(const RedisProcess&) = delete;
  RedisProcess& operator=(const RedisProcess&) = delete;

  std::uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }

 private:
  std::filesystem::path directory_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
};

/// The least a client can do: bytes out, replies told apart by their ends alone. One thread.
class BareRedis {
 public:
  explicit BareRedis(std::uint16_t port);
  ~BareRedis();
  BareRedis(const BareRedis&) = delete;
  BareRedis& operator=(const BareRedis&) = delete;

  void send(std::string_view commands);
  /// Waits for so many replies of one line each (status, integer, short string).
  void skip_lines(std::size_t lines);
  /// One command, its reply as it came.
  std::string call(std::string_view command);
  /// Reads one reply of XREADGROUP; appends the ids of its entries to `ids`, each as an argument of
  /// a command. How many.
  std::size_t read_entries(std::string& ids);

 private:
  void fill();
  std::string_view line();

  int fd_ = -1;
  std::string buffer_;
  std::size_t at_ = 0;
};

/// "*3\r\n$4\r\n..." of words divided by blanks.
std::string redis_command(std::string_view words);

struct AddOptions {
  std::uint16_t port = 0;
  std::uint64_t entries = 0;
  std::size_t points_per_entry = 1;  ///< more: in a field `points`, else in `data`
  std::uint32_t cars = 20;
};
/// Adds entries in a process of its own, as fast as the server takes them; the process's id.
pid_t start_adder(const AddOptions& options);

}  // namespace slipstream::bench
