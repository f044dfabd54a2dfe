#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace slipstream {

/// The thread that serves connections: an Asio loop under a name. What runs on it must not block.
/// Threads: post(), after(), every() and stop() from any; the functions given run on this thread.
class IoThread {
 public:
  explicit IoThread(std::string name);
  /// Stops and joins.
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  void start();
  void post(std::function<void()> function);
  void after(std::chrono::nanoseconds delay, std::function<void()> function);
  /// Repeats until the thread stops, at even distances; a late turn is not made up for.
  void every(std::chrono::milliseconds interval, std::function<void()> function);
  /// Runs `function` there and returns when it has run. Not from this thread itself.
  void run(const std::function<void()>& function);
  void stop();

  boost::asio::io_context& context();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipstream
