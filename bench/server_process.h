#pragma once
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace slipstream::bench {

/// `slipstream serve` as a process of its own, with its data in a directory that is removed at the
/// end.
class ServerProcess {
 public:
  explicit ServerProcess(std::map<std::string, std::string> environment = {});
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  std::uint16_t port() const { return port_; }
  std::uint16_t udp_port() const { return udp_port_; }
  pid_t pid() const { return pid_; }
  /// With all of its data.
  const std::filesystem::path& directory() const { return directory_; }
  /// A sample of /metrics, named with its labels.
  std::uint64_t metric(const std::string& sample) const;

 private:
  std::filesystem::path directory_;
  pid_t pid_ = 0;
  std::uint16_t port_ = 0;
  std::uint16_t udp_port_ = 0;
};

/// User and system time of all threads of a process so far, those that ended included, to the
/// nanosecond: at low rates a trial takes less than a few of /proc/PID/stat's ticks.
double cpu_seconds(pid_t pid);
/// How often the threads of a process have gone to sleep so far, and so been woken.
std::uint64_t voluntary_switches(pid_t pid);
/// A line of /proc/PID/status in bytes: "VmRSS", "VmHWM".
std::uint64_t memory_bytes(pid_t pid, const std::string& line);

/// An HTTP GET's body.
std::string get(std::uint16_t port, const std::string& target);

}  // namespace slipstream::bench
