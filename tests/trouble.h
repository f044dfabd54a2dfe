#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "crash_harness.h"
#include "interposer/interposed.h"

namespace slipstream::crash {

/// Connections to a server that do nothing, some of them WebSockets that are not read from: they
/// use up its descriptors. One thread.
class IdleConnections {
 public:
  IdleConnections() = default;
  ~IdleConnections() { close_all(); }
  IdleConnections(const IdleConnections&) = delete;
  IdleConnections& operator=(const IdleConnections&) = delete;

  /// One more. Does not wait for an answer.
  void open(std::uint16_t port, bool is_web_socket);
  void close_all();
  std::uint64_t opened() const { return opened_; }

 private:
  std::vector<int> descriptors_;
  std::uint64_t opened_ = 0;
};

/// What a server in one data directory has to live with, over many starts, at random by seed: a
/// wall clock that is set forward and back by minutes while it runs and between its runs, a disk
/// that is full for a while, descriptors that are few and used up by idle clients, and kill -9 at
/// any moment. One thread.
class Trouble {
 public:
  Trouble(const std::filesystem::path& directory, std::uint64_t seed);

  struct Told {
    std::uint64_t rounds = 0;
    std::uint64_t served = 0;  ///< rounds in which the server came to serve
    std::uint64_t clock_steps = 0;
    std::uint64_t full_disks = 0;
    std::uint64_t refused_for_space = 0;  ///< calls of the program
    std::uint64_t scarce = 0;             ///< rounds
    std::uint64_t idle_connections = 0;
  };
  /// Starts the server, kills it a while after, maybe before it serves.
  void round(Senders& senders);
  /// For a server that is to be left in peace; the wall clock stays as it is.
  std::vector<std::string> end();
  const Told& told() const { return told_; }

 private:
  bool one_in(std::uint64_t n) { return random_() % n == 0; }
  void step_clock();
  void turn_disk();

  const std::filesystem::path directory_;
  interposer::Interposed interposed_;
  std::mt19937_64 random_;
  std::chrono::milliseconds wall_offset_{0};
  bool is_full_ = false;
  Told told_;
};

}  // namespace slipstream::crash
